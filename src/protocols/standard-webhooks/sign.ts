import { createHmac, sign } from 'node:crypto';
import type { SharedSecret, SigningKey } from './secret.ts';
import { StandardWebhookError } from './standard-webhook-error.ts';
import { isWebhookId } from './webhook-id.ts';

/** Most signatures of one webhook, here and in `verifyStandardWebhook`: an Ed25519 signature costs a third of a millisecond to verify. */
export const maxSignatures = 10;

export interface StandardWebhook {
  /** The same for every attempt (SW-5); see `toWebhookId`. */
  readonly id: string;
  /** When this attempt is made, in Unix seconds. */
  readonly timestamp: number;
  /** The bytes as they are sent. */
  readonly body: Uint8Array;
  /** All that are live, the newest first: each signs, so that receivers may change over at any time (SW-11). */
  readonly secrets: readonly (SharedSecret | SigningKey)[];
}

/** The headers of Standard Webhooks 1.0.0 (SW-4). */
export interface StandardWebhookHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/** Signs the exact bytes `id.timestamp.body` with every secret (SW-6, SW-8). Throws StandardWebhookError. */
export function signStandardWebhook({ id, timestamp, body, secrets }: StandardWebhook): StandardWebhookHeaders {
  if (!isWebhookId(id)) throw new StandardWebhookError('A webhook-id is 1 to 256 printable ASCII characters without a dot.');
  if (!Number.isSafeInteger(timestamp) || timestamp < 0)
    throw new StandardWebhookError('A webhook-timestamp is a whole number of Unix seconds.');
  if (secrets.length === 0) throw new StandardWebhookError('There is no secret to sign with.');
  if (secrets.length > maxSignatures) throw new StandardWebhookError(`At most ${maxSignatures} secrets may sign one webhook.`);
  const head = `${id}.${timestamp}.`;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets.map((secret) => signature(secret, head, body)).join(' '),
  };
}

function signature(secret: SharedSecret | SigningKey, head: string, body: Uint8Array): string {
  if (secret.kind === 'shared') return `v1,${sharedSignature(secret, head, body).toString('base64')}`;
  return `v1a,${sign(null, Buffer.concat([Buffer.from(head), body]), secret.key).toString('base64')}`;
}

/** The bytes of a `v1` signature; `head` is `id.timestamp.`. */
export function sharedSignature({ key }: SharedSecret, head: string, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(head).update(body).digest();
}
