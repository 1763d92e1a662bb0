import { parseMediaType } from '../cloudevents/content-type.ts';
import { parseLinks, relationsOf, type Link } from './links.ts';
import { tagsOf, type MarkupLanguage } from './markup.ts';
import { faultOfUrl } from './url-text.ts';

/** What a topic says of itself; URLs are absolute, and those that were written so are as written, since they are compared as strings. */
export interface TopicLinks {
  /** In the order given, each once; empty when the topic has none. */
  readonly hubs: readonly string[];
  /** The canonical URL of the topic: the one to subscribe to. */
  readonly self: string | undefined;
}

/** The answer to a GET or HEAD of a topic. */
export interface TopicAnswer {
  /** The URL that answered, after redirects. */
  readonly url: string;
  readonly link: string | readonly string[] | undefined;
  readonly contentType: string | undefined;
  /** Empty for HEAD; of a longer one the first `discoveryBytes` are looked at. */
  readonly body: Uint8Array;
}

/** How much of a body is searched for links, in bytes: they stand in its head. */
export const discoveryBytes = 262_144;
const maxHubs = 16;

/** HTML elements that leave the parser in the head of the page; any other begins the body, where visitors may have written. */
const ofHead = new Set([
  'html',
  'head',
  'title',
  'base',
  'basefont',
  'bgsound',
  'link',
  'meta',
  'style',
  'script',
  'noscript',
  'noframes',
  'template',
]);

/**
 * Finds hubs and canonical URL (WebSub, section 4): for each of the two what the Link headers say, and only where they say nothing the
 * `link` elements of an Atom or RSS feed or of an HTML page's head.
 */
export function discover(answer: TopicAnswer): TopicLinks {
  const headers = topicLinks(parseLinks(answer.link), answer.url);
  if (headers.hubs.length > 0 && headers.self !== undefined) return headers;
  const body = linksInBody(answer);
  return { hubs: headers.hubs.length > 0 ? headers.hubs : body.hubs, self: headers.self ?? body.self };
}

function linksInBody({ url, contentType, body }: TopicAnswer): TopicLinks {
  const media = contentType === undefined ? undefined : parseMediaType(contentType);
  if (media === undefined || body.length === 0) return { hubs: [], self: undefined };
  const { essence } = media;
  const isHtml = essence === 'text/html' || essence === 'application/xhtml+xml';
  if (!isHtml && !essence.endsWith('/xml') && !essence.endsWith('+xml')) return { hubs: [], self: undefined };
  const text = decode(body.subarray(0, discoveryBytes), media.parameters.get('charset'));
  if (!isHtml) return topicLinks(linksInFeed(text), url);
  const { links, base } = linksInPage(text, essence === 'text/html' ? 'html' : 'xml');
  return topicLinks(links, base === undefined ? url : (URL.parse(base, url)?.href ?? url));
}

function topicLinks(links: readonly Link[], base: string): TopicLinks {
  const hubs = new Set<string>();
  let self: string | undefined;
  for (const { target, rels } of links) {
    const isHub = rels.includes('hub') && hubs.size < maxHubs;
    const isSelf = rels.includes('self') && self === undefined;
    const url = isHub || isSelf ? absolute(target, base) : undefined;
    if (url === undefined) continue;
    if (isHub) hubs.add(url);
    if (isSelf) self = url;
  }
  return { hubs: [...hubs], self };
}

function absolute(target: string, base: string): string | undefined {
  const url = /^https?:\/\//i.test(target) ? target : URL.parse(target, base)?.href;
  return url === undefined || faultOfUrl(url) !== undefined ? undefined : url;
}

function linksInPage(text: string, language: MarkupLanguage): { readonly links: readonly Link[]; readonly base: string | undefined } {
  const links: Link[] = [];
  let base: string | undefined;
  for (const { kind, name, rel, href } of tagsOf(text, language)) {
    if (kind === 'close' ? name === 'head' : !ofHead.has(name)) break;
    if (kind === 'close' || href === undefined) continue;
    if (name === 'base') base ??= href;
    if (name === 'link' && rel !== undefined) links.push({ target: href.trim(), rels: relationsOf(rel) });
  }
  return { links, base };
}

/** The links of the feed itself: those of its entries are about the entries. */
function linksInFeed(text: string): readonly Link[] {
  const links: Link[] = [];
  const path = { depth: 0, root: '', section: '' };
  for (const { kind, name, rel, href } of tagsOf(text, 'xml')) {
    if (kind === 'close') {
      path.depth = Math.max(0, path.depth - 1);
      continue;
    }
    const local = name.slice(name.indexOf(':') + 1);
    if (local === 'link' && rel !== undefined && href !== undefined && isOfFeed(path)) {
      links.push({ target: href.trim(), rels: relationsOf(rel) });
    }
    if (kind === 'empty') continue;
    path.depth++;
    if (path.depth === 1) path.root = local;
    else if (path.depth === 2) path.section = local;
  }
  return links;
}

function isOfFeed({ depth, root, section }: { readonly depth: number; readonly root: string; readonly section: string }): boolean {
  if (root === 'feed') return depth === 1;
  return depth === 2 && section === 'channel' && (root === 'rss' || root === 'RDF');
}

function decode(bytes: Uint8Array, charset: string | undefined): string {
  const label = bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : charset;
  try {
    return new TextDecoder(label ?? 'utf-8').decode(bytes);
  } catch (error) {
    // A charset that nobody knows: what matters here is ASCII in nearly all.
    if (error instanceof RangeError) return new TextDecoder().decode(bytes);
    throw error;
  }
}
