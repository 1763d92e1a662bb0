import type { WebhookRequest } from '../../protocols/provider-webhooks/provider-webhook.ts';
import { CliError } from '../exit-code.ts';

/** A request as a proxy or a log wrote it down, and what does not fit together in it. */
export interface RawRequest {
  readonly request: WebhookRequest;
  /** A sentence each. */
  readonly oddities: readonly string[];
}

/** Largest request that is read, in bytes. */
export const maxRequestBytes = 16 * 1024 * 1024;
const maxHeaders = 200;

/** Headers as the presets take them: names in lower case, each with all its values. */
export function readHeaders(lines: readonly string[]): WebhookRequest['headers'] {
  const headers = new Map<string, string[]>();
  if (lines.length > maxHeaders) throw new CliError('invalid', `There are more than ${maxHeaders} headers.`);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = withoutBlanks(line.slice(0, Math.max(colon, 0))).toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]{1,128}$/.test(name))
      throw new CliError('invalid', `${JSON.stringify(line.slice(0, 60))} is no header: a name, a colon and a value.`);
    headers.set(name, [...(headers.get(name) ?? []), withoutBlanks(line.slice(colon + 1))]);
  }
  return Object.fromEntries(headers);
}

/**
 * Reads a whole HTTP/1.1 request, its head with or without carriage returns; the request line may be missing. The body is what follows
 * the empty line, cut where `Content-Length` says, and put together where it is chunked. Throws CliError `invalid`.
 */
export function readRawRequest(bytes: Buffer, url: string | undefined): RawRequest {
  const end = /\r?\n\r?\n/.exec(bytes.toString('latin1'));
  const head = end === null ? bytes : bytes.subarray(0, end.index);
  const rest = end === null ? Buffer.alloc(0) : bytes.subarray(end.index + end[0].length);
  const lines = head.toString('utf8').split(/\r?\n/);
  const start = /^([A-Z]{1,20}) (\S{1,8192})(?: HTTP\/[0-9.]{1,3})?$/.exec(lines[0] ?? '');
  const headers = readHeaders(start === null ? lines : lines.slice(1));
  const target = url ?? urlOf(start?.[2] ?? '/', headers);
  const { body, oddities } = bodyOf(rest, headers);
  return { request: { method: start?.[1] ?? 'POST', url: target, headers, body }, oddities };
}

/** Spaces and tabs around it taken away, and nothing else that `trim` would take (RFC 9110, section 5.6.3), in linear time. */
function withoutBlanks(text: string): string {
  const isBlank = (at: number): boolean => text[at] === ' ' || text[at] === '\t';
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return text.slice(start, end);
}

function urlOf(target: string, headers: WebhookRequest['headers']): string {
  if (/^https?:\/\//i.test(target)) return target;
  const scheme = headers['x-forwarded-proto']?.[0] ?? 'https';
  return `${scheme}://${headers['x-forwarded-host']?.[0] ?? headers['host']?.[0] ?? 'localhost'}${target}`;
}

function bodyOf(rest: Buffer, headers: WebhookRequest['headers']): { readonly body: Buffer; readonly oddities: readonly string[] } {
  if (headers['transfer-encoding']?.[0]?.toLowerCase() === 'chunked') {
    const body = joinChunks(rest);
    return body === undefined ? { body: rest, oddities: [] } : { body, oddities: [] };
  }
  const said = headers['content-length']?.[0];
  if (said === undefined || !/^\d{1,9}$/.test(said)) return { body: rest, oddities: [] };
  const length = Number(said);
  if (rest.length < length) {
    const sentence = `The body has ${rest.length} bytes, but Content-Length says ${length}: it was cut or changed on its way to you.`;
    return { body: rest, oddities: [sentence] };
  }
  const left = rest.length - length;
  const isLineBreak = /^\r?\n?$/.test(rest.subarray(length).toString('latin1'));
  const oddities = left === 0 || isLineBreak ? [] : [`The body has ${left} bytes more than Content-Length says; they were left out.`];
  return { body: rest.subarray(0, length), oddities };
}

/** Undefined when it is not chunked after all, as in most logs. */
function joinChunks(bytes: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const line = /^([0-9a-fA-F]{1,7})(?:;[^\r\n]{0,100})?\r\n/.exec(bytes.toString('latin1', at, at + 120));
    if (line === null) return undefined;
    const size = Number.parseInt(line[1] ?? '', 16);
    const from = at + line[0].length;
    if (size === 0) return Buffer.concat(chunks);
    if (from + size > bytes.length) return undefined;
    chunks.push(bytes.subarray(from, from + size));
    at = from + size + 2;
  }
}
