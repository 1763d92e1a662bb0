/** A tag of an HTML or XML document; of its attributes only those that make a link, character references resolved. */
export interface Tag {
  readonly kind: 'open' | 'close' | 'empty';
  /** In HTML in lower case, in XML as written with its prefix. */
  readonly name: string;
  readonly rel: string | undefined;
  readonly href: string | undefined;
}

/** How names, scripts and processing instructions are read; XHTML is XML. */
export type MarkupLanguage = 'html' | 'xml';

/** HTML elements whose content is passed over: text, or in the case of `template` markup that is not part of the page. */
const opaque = new Set(['script', 'style', 'title', 'textarea', 'noframes', 'template']);

const tagStart = /<(\/?)([A-Za-z_][^\s<>/=]*)/y;
const gap = /[\s/]*/y;
const attribute = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>`]+)))?/y;
const reference = /&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));/g;
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * The tags of a text in order. Nothing is an error: what is not a tag is passed over, and a tag that does not end is none. Takes time
 * in proportion to the text whatever it is, since every search begins where the last one ended.
 */
export function* tagsOf(text: string, language: MarkupLanguage): Generator<Tag, void> {
  let at = 0;
  for (;;) {
    const start = text.indexOf('<', at);
    if (start === -1) return;
    const passed = endOfDeclaration(text, start, language);
    if (passed !== undefined) {
      at = passed;
      continue;
    }
    tagStart.lastIndex = start;
    const head = tagStart.exec(text);
    if (head === null) {
      at = start + 1;
      continue;
    }
    const { rel, href, end } = readAttributes(text, tagStart.lastIndex);
    if (end === -1) return;
    const name = language === 'html' ? (head[2] ?? '').toLowerCase() : (head[2] ?? '');
    const kind = head[1] === '/' ? 'close' : text[end - 1] === '/' ? 'empty' : 'open';
    yield { kind, name, rel, href };
    at = language === 'html' && kind !== 'close' && opaque.has(name) ? endOfOpaque(text, end, name) : end + 1;
  }
}

/** Where a comment, CDATA section, processing instruction or document type is over; undefined when none begins here. */
function endOfDeclaration(text: string, start: number, language: MarkupLanguage): number | undefined {
  // From the two dashes on, since `<!-->` is a whole comment.
  if (text.startsWith('<!--', start)) return after(text, '-->', start + 2);
  if (language === 'xml' && text.startsWith('<![CDATA[', start)) return after(text, ']]>', start + 9);
  if (text.startsWith('<?', start)) return after(text, language === 'xml' ? '?>' : '>', start + 2);
  return text.startsWith('<!', start) ? after(text, '>', start + 2) : undefined;
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at + mark.length;
}

function endOfOpaque(text: string, from: number, name: string): number {
  const closing = new RegExp(`</${name}(?=[\\s/>])`, 'gi');
  closing.lastIndex = from;
  return closing.exec(text)?.index ?? text.length;
}

/** The attributes of a tag, of each name the first; `end` is where its `>` stands, −1 when the text ends before. */
function readAttributes(text: string, from: number): { readonly rel?: string; readonly href?: string; readonly end: number } {
  let rel: string | undefined;
  let href: string | undefined;
  let at = from;
  for (;;) {
    gap.lastIndex = at;
    gap.exec(text);
    at = gap.lastIndex;
    if (at >= text.length) return { end: -1 };
    if (text[at] === '>') return { rel, href, end: at };
    attribute.lastIndex = at;
    const match = attribute.exec(text);
    if (match === null) {
      at++;
      continue;
    }
    at = attribute.lastIndex;
    const name = (match[1] ?? '').toLowerCase();
    if (name === 'rel') rel ??= resolve(match[2] ?? match[3] ?? match[4] ?? '');
    else if (name === 'href') href ??= resolve(match[2] ?? match[3] ?? match[4] ?? '');
  }
}

function resolve(value: string): string {
  return value.replace(reference, (_, decimal?: string, hexadecimal?: string, name?: string) => {
    if (name !== undefined) return named[name] ?? '';
    const point = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
    const isCharacter = point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    return isCharacter ? String.fromCodePoint(point) : '\ufffd';
  });
}
