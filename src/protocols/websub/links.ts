import { formatLink } from '../http/link.ts';

/** One link of a Link header whose context is the resource itself. */
export interface Link {
  /** As written, perhaps relative. */
  readonly target: string;
  /** Relation types in lower case. */
  readonly rels: readonly string[];
}

/** Longest Link header that is read, in characters; of a longer one nothing is. */
const maxHeaderChars = 16_384;

const gap = /[ \t,]*/y;
const targetForm = /<([^>]*)>/y;
const parameterForm = /[ \t]*;[ \t]*([^ \t=;,]*)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\[^])*)"?|([^;,]*)))?/y;

/** The one Link header that says whose content this is and who sends it on (WebSub, sections 4 and 7): the hubs, then the topic. */
export function writeHubLinks(hubs: readonly string[], self: string): string {
  return [...hubs.map((hub) => formatLink(hub, 'hub')), formatLink(self, 'self')].join(', ');
}

/** Reads Link headers (RFC 8288, appendix B.2) up to the first place that is not one. A link with an anchor is about something else, and left out. */
export function parseLinks(header: string | readonly string[] | undefined): readonly Link[] {
  const text = typeof header === 'string' ? header : (header ?? []).join(', ');
  if (text.length > maxHeaderChars) return [];
  const links: Link[] = [];
  let at = 0;
  for (;;) {
    gap.lastIndex = at;
    gap.exec(text);
    targetForm.lastIndex = gap.lastIndex;
    const target = targetForm.exec(text)?.[1];
    if (target === undefined) return links;
    const { parameters, end } = parseParameters(text, targetForm.lastIndex);
    if (!parameters.has('anchor')) links.push({ target: target.trim(), rels: relationsOf(parameters.get('rel') ?? '') });
    at = end;
  }
}

/** Relation types of a `rel` parameter or attribute, in lower case. */
export function relationsOf(rel: string): readonly string[] {
  return rel
    .toLowerCase()
    .split(/[ \t\r\n\f]/)
    .filter((relation) => relation !== '');
}

/** The first value of each parameter: further ones must be ignored (RFC 8288, section 3.3). */
function parseParameters(text: string, start: number): { readonly parameters: ReadonlyMap<string, string>; readonly end: number } {
  const parameters = new Map<string, string>();
  let at = start;
  for (;;) {
    parameterForm.lastIndex = at;
    const match = parameterForm.exec(text);
    if (match === null) return { parameters, end: at };
    at = parameterForm.lastIndex;
    const name = (match[1] ?? '').toLowerCase();
    if (!parameters.has(name)) parameters.set(name, match[2]?.replace(/\\([^])/g, '$1') ?? (match[3] ?? '').trimEnd());
  }
}
