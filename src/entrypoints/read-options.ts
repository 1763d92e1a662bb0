import type { ReadOptions, ViewRequest } from '../core/entrypoint.ts';
import { GatewayError } from '../core/errors.ts';
import type { StartFrom } from '../core/position.ts';

const readerName = /^[A-Za-z0-9._~-]{1,128}$/;
const dateTime = /^\d{4}-\d\d-\d\d[Tt ]/;
const maxFilter = 1024;
const viewParameters = ['fields', 'sample', 'conflate', 'by', 'delta'] as const satisfies readonly (keyof ViewRequest)[];
const maxViewText = 1024;

/** What a URL asks to read: `?from=`, `?reader=`, `?filter=`, how much of the events (`?fields=`, `?sample=`, `?conflate=`, `?delta=`), and what the client has seen (`Last-Event-ID` or `?after=`). */
export function readOptionsOf(address: string, query: URLSearchParams, lastEventId: string | undefined): ReadOptions {
  const resume = lastEventId ?? query.get('after') ?? undefined;
  return {
    address,
    from: startOf(query.get('from')),
    resume: resume === '' ? undefined : resume,
    name: nameOf(query.get('reader')),
    filter: filterOf(query.get('filter')),
    view: viewOf(query),
  };
}

function startOf(from: string | null): StartFrom {
  if (from === null || from === 'latest') return { at: 'latest' };
  if (from === 'earliest') return { at: 'earliest' };
  if (!dateTime.test(from)) return { at: 'position', position: from };
  const time = Date.parse(from);
  if (Number.isNaN(time)) throw new GatewayError('BAD_REQUEST', '?from= holds no valid RFC 3339 time; an example is 2026-01-31T12:00:00Z.');
  return { at: 'time', time };
}

/** The name of a durable reader, or undefined. */
export function nameOf(reader: string | null): string | undefined {
  if (reader === null) return undefined;
  if (readerName.test(reader)) return reader;
  throw new GatewayError('BAD_REQUEST', '?reader= takes 1 to 128 letters, digits, dots, tildes, hyphens and underscores.');
}

function viewOf(query: URLSearchParams): ViewRequest | undefined {
  if (!viewParameters.some((name) => query.has(name))) return undefined;
  const request: Partial<Record<keyof ViewRequest, string>> = {};
  for (const name of viewParameters) {
    const text = query.get(name);
    if (text === null) continue;
    if (text.length > maxViewText) {
      throw new GatewayError('BAD_REQUEST', `?${name}= has ${text.length} characters; at most ${maxViewText} are taken.`);
    }
    request[name] = text;
  }
  return request;
}

function filterOf(filter: string | null): string | undefined {
  if (filter === null) return undefined;
  if (filter.length <= maxFilter) return filter;
  throw new GatewayError('INVALID_FILTER', `?filter= has ${filter.length} characters; at most ${maxFilter} are taken.`);
}
