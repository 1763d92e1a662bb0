import { hash } from 'node:crypto';
import type { DeskAnswer, DeskRequest } from '../../core/desk.ts';

/** A text that is asked for again and again, with what tells it from others. */
export interface Document {
  readonly text: string;
  readonly etag: string;
}

export function documentOf(value: unknown): Document {
  const text = JSON.stringify(value);
  return { text, etag: `"${hash('sha256', text, 'base64url').slice(0, 22)}"` };
}

/** The document, or that it is the one the client has already. */
export function answerWith({ text, etag }: Document, contentType: string, { headers }: DeskRequest): DeskAnswer {
  const common = { etag, 'cache-control': 'private, no-cache', vary: 'Authorization, X-API-Key' };
  if (headers['if-none-match'] === etag) return { status: 304, headers: common, body: '' };
  return { status: 200, headers: { ...common, 'content-type': contentType }, body: text };
}
