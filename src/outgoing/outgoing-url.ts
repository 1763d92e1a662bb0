import { isIP } from 'node:net';
import { openingHint, type AddressGuard, type AddressRefusal } from './address-guard.ts';
import { isLocalhost, nameRefusal } from './host-names.ts';

/** A URL that may be called, in the parts a connection needs. */
export interface OutgoingUrl {
  /** `https://host:port`, the port left out where it is the scheme's own. */
  readonly origin: string;
  readonly isSecure: boolean;
  /** A name in lower case without a dot at its end, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query; the fragment is left out. */
  readonly path: string;
}

export type UrlFault = 'malformed' | 'too-long' | 'scheme' | 'credentials' | 'port' | 'name';

/** Why a URL must not be called. The sentence may be shown to who gave the URL. */
export interface UrlRefusal {
  readonly reason: UrlFault | AddressRefusal;
  readonly sentence: string;
}

export interface UrlRules {
  readonly guard: AddressGuard;
  readonly httpsOnly?: boolean | undefined;
  /** The only ports that may be called; any when left out. */
  readonly ports?: readonly number[] | undefined;
  /** Names the operator opened, with all below them: their addresses are still judged by the guard. */
  readonly openedNames?: readonly string[] | undefined;
}

export type CheckedUrl = { readonly url: OutgoingUrl } | { readonly refusal: UrlRefusal };

/** Longest URL in characters: browsers and servers stop at about as much. */
const maxLength = 4_096;
const nameHint = 'Such names are opened with sluice up --open-outgoing, besides the range of their addresses.';
const neverSentence = 'hands out credentials of cloud machines; it is never called.';
const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Reads a URL as WHATWG does, which turns every notation of an IPv4 address into the dotted one, and says whether it may be called. */
export function checkOutgoingUrl(text: string, rules: UrlRules): CheckedUrl {
  if (text.length > maxLength) return refused('too-long', `The URL has more than ${maxLength} characters.`);
  // These WHATWG drops or turns into slashes without a word, and other parsers do not.
  if (/[\u0000-\u0020\u007f\\]/.test(text)) return refused('malformed', 'The URL holds blanks, control characters or backslashes.');
  const parsed = URL.parse(text);
  if (parsed === null) return refused('malformed', 'This is not an absolute URL with a valid host.');
  const scheme = defaultPorts[parsed.protocol];
  if (scheme === undefined) return refused('scheme', `Only http and https are called, not ${parsed.protocol.slice(0, 32)}`);
  const isSecure = parsed.protocol === 'https:';
  if (rules.httpsOnly === true && !isSecure) return refused('scheme', 'The URL has to begin with https.');
  if (parsed.username !== '' || parsed.password !== '')
    return refused('credentials', 'The URL holds a user name or password; give credentials in a header.');
  const port = parsed.port === '' ? scheme : Number(parsed.port);
  if (port === 0 || (rules.ports !== undefined && !rules.ports.includes(port))) return refused('port', `Port ${port} is not called.`);
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const refusal = hostRefusal(host, rules);
  if (refusal !== undefined) return { refusal };
  const shownHost = isIP(host) === 6 ? `[${host}]` : host;
  const origin = `${parsed.protocol}//${shownHost}${parsed.port === '' ? '' : `:${port}`}`;
  return { url: { origin, isSecure, host, port, path: parsed.pathname + parsed.search } };
}

function hostRefusal(host: string, { guard, openedNames = [] }: UrlRules): UrlRefusal | undefined {
  if (isIP(host) !== 0) {
    const reason = guard.refusal(host);
    if (reason === 'metadata') return { reason, sentence: `${host} ${neverSentence}` };
    return reason === undefined
      ? undefined
      : { reason, sentence: `The address ${host} is not on the public internet (${reason}). ${openingHint}` };
  }
  if (host === '' || host.length > 253 || host.split('.').some((label) => label === '' || label.length > 63))
    return { reason: 'malformed', sentence: 'The host name has an empty part or is too long.' };
  if (isLocalhost(host)) {
    const isOpen = guard.refusal('127.0.0.1') === undefined || guard.refusal('::1') === undefined;
    return isOpen
      ? undefined
      : { reason: 'loopback', sentence: `${host} is this machine itself, not on the public internet. ${openingHint}` };
  }
  const reason = nameRefusal(host, openedNames);
  if (reason === 'metadata') return { reason: 'metadata', sentence: `${host} ${neverSentence}` };
  return reason === undefined
    ? undefined
    : { reason: 'name', sentence: `${host} is a name of a private network, not on the public internet. ${nameHint}` };
}

function refused(reason: UrlFault, sentence: string): CheckedUrl {
  return { refusal: { reason, sentence } };
}
