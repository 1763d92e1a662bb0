import { hash } from 'node:crypto';
import type { DeskAnswer, DeskRequest } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';
import { isLonger } from './written-length.ts';

/** A text that is asked for again and again, with what tells it from others. */
export interface Document {
  readonly text: string;
  readonly etag: string;
}

/** Characters: a message that many channels share is written once for each of them, and no request may wait for all that could make. */
const mostCharacters = 8 * 1024 * 1024;

/** Whether a value may become a document. */
export function isDocument(value: unknown): boolean {
  return !isLonger(value, mostCharacters);
}

/** Undefined for what would be too long. */
export function documentOf(value: unknown): Document | undefined {
  if (!isDocument(value)) return undefined;
  const text = JSON.stringify(value);
  return { text, etag: etagOf(text) };
}

export function etagOf(text: string): string {
  return `"${hash('sha256', text, 'base64url').slice(0, 22)}"`;
}

/** The document, or that it is the one the client has already; throws NOT_FOUND where it is too long to be one. */
export function answerWith(document: Document | undefined, contentType: string, { headers }: DeskRequest): DeskAnswer {
  if (document === undefined)
    throw new GatewayError(
      'NOT_FOUND',
      'This document is not made: it would have more than 8 MiB, since what channels share stands in it once for each of them. Ask the provider for the contract.',
    );
  const common = { etag: document.etag, 'cache-control': 'private, no-cache', vary: 'Authorization, X-API-Key' };
  if (headers['if-none-match'] === document.etag) return { status: 304, headers: common, body: '' };
  return { status: 200, headers: { ...common, 'content-type': contentType }, body: document.text };
}
