import { hash } from 'node:crypto';

const plain = /^[A-Za-z0-9_-]{1,128}$/;
const mappedPrefix = 'sha256_';
const allowed = /^[\x21-\x2d\x2f-\x7e]{1,256}$/;

/**
 * Whether a text may be a `webhook-id`: printable ASCII without the dot that separates it from the timestamp. With a dot, the same
 * signature would hold for another cut of id, timestamp and body, so ids with one are neither signed nor believed (SW-7).
 */
export function isWebhookId(text: string): boolean {
  return allowed.test(text);
}

/**
 * The `webhook-id` for an id that its producer chose (SW-7): as it is where it is 1 to 128 letters, digits, `_` and `-`, else its
 * SHA-256 as `sha256_…`. Ids that begin so themselves are hashed too, so that no two ids ever share one.
 */
export function toWebhookId(id: string): string {
  if (plain.test(id) && !id.startsWith(mappedPrefix)) return id;
  return `${mappedPrefix}${hash('sha256', id, 'base64url')}`;
}
