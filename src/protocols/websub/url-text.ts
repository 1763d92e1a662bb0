/** `%2D %2E %30–%39 %41–%5A %5F %61–%7A %7E`: RFC 3986, section 2.3. */
const escapedUnreserved = /%(?:2[DE]|3\d|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/gi;
const web = /^https?:\/\//i;

/** Longest URL that is taken, in characters. */
const maxUrlChars = 4096;

/**
 * A URL with its needlessly escaped characters plain (WebSub, section 5.1.1), so that `/%7Ea` and `/~a` are one topic.
 * What else could be written in two ways is left as it is, since the callback must be called exactly as it was given.
 */
export function decodeUnreserved(url: string): string {
  return url.replace(escapedUnreserved, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
}

/** What is wrong with a text that should be an absolute `http` or `https` URL, to follow its name in a sentence; undefined when nothing is. */
export function faultOfUrl(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.length > maxUrlChars) return `has more than ${maxUrlChars} characters`;
  if (!web.test(text)) return 'is not an absolute http or https URL';
  // Programs that read URLs disagree about these characters, and so about the host.
  if (/[\x00-\x20\x7f\\]/.test(text)) return 'has a character that no URL may have';
  return URL.canParse(text) ? undefined : 'is not a valid URL';
}
