import { verify } from 'node:crypto';
import { oneHeader, type WebhookHeaders } from './one-header.ts';
import type { SigningKey, VerificationKey, WebhookSecret } from './secret.ts';
import { maxSignatures, sharedSignature } from './sign.ts';
import { fromBase64, sameBytes } from './signature-bytes.ts';
import { isRefused, matchSecret, readTimestamp, refused, type Believing, type Refused, type Verdict } from './verdict.ts';
import { isWebhookId } from './webhook-id.ts';

const sharedSignatureBytes = 32;
const ed25519SignatureBytes = 64;

/** Longest `webhook-signature` that is read, in characters: room for ten signatures of either kind. */
const maxSignatureLength = 1024;

/** Signatures of the versions known here, as bytes; others are passed over, since the header may hold what comes later (SW-8). */
interface Signatures {
  readonly shared: readonly Buffer[];
  readonly ed25519: readonly Buffer[];
}

/**
 * Judges a webhook by its three headers and the bytes of its body as they came (SW-12). It holds when any signature fits any secret; a
 * signing key verifies by its public half. Ids with a dot are refused (SW-7). The id in the verdict is signed.
 */
export function verifyStandardWebhook(
  headers: WebhookHeaders,
  body: Uint8Array,
  secrets: readonly WebhookSecret[],
  believing: Believing,
): Verdict {
  const id = oneHeader(headers, 'webhook-id');
  if (isRefused(id)) return id;
  if (!isWebhookId(id)) {
    return refused('HEADER_MALFORMED', 'A webhook-id is 1 to 256 printable ASCII characters without a dot.');
  }
  const time = oneHeader(headers, 'webhook-timestamp');
  if (isRefused(time)) return time;
  const timestamp = readTimestamp(time, believing);
  if (isRefused(timestamp)) return timestamp;
  const header = oneHeader(headers, 'webhook-signature', maxSignatureLength);
  if (isRefused(header)) return header;
  const signatures = readSignatures(header);
  if (isRefused(signatures)) return signatures;
  const head = `${id}.${time}.`;
  const secret = matchSecret(secrets, (candidate) => fits(candidate, signatures, head, body));
  return isRefused(secret) ? secret : { ok: true, id, timestamp, secret };
}

function readSignatures(header: string): Signatures | Refused {
  const shared: Buffer[] = [];
  const ed25519: Buffer[] = [];
  const listed = header.split(' ').filter((part) => part !== '');
  if (listed.length > maxSignatures)
    return refused('HEADER_MALFORMED', `The header webhook-signature holds more than ${maxSignatures} signatures.`);
  for (const part of listed) {
    const comma = part.indexOf(',');
    const version = part.slice(0, Math.max(comma, 0));
    const bytes = version === 'v1' || version === 'v1a' ? fromBase64(part.slice(comma + 1)) : undefined;
    if (bytes === undefined) continue;
    if (version === 'v1' && bytes.length === sharedSignatureBytes) shared.push(bytes);
    if (version === 'v1a' && bytes.length === ed25519SignatureBytes) ed25519.push(bytes);
  }
  if (shared.length + ed25519.length > 0) return { shared, ed25519 };
  return refused(
    'NO_KNOWN_SIGNATURE',
    'The header webhook-signature holds no signature that is known here: v1 or v1a, a comma, and base64.',
  );
}

function fits(secret: WebhookSecret, { shared, ed25519 }: Signatures, head: string, body: Uint8Array): boolean {
  if (secret.kind !== 'shared') return ed25519.length > 0 && fitsKey(secret, ed25519, Buffer.concat([Buffer.from(head), body]));
  if (shared.length === 0) return false;
  const expected = sharedSignature(secret, head, body);
  return shared.some((given) => sameBytes(given, expected));
}

function fitsKey({ key }: SigningKey | VerificationKey, given: readonly Buffer[], signed: Buffer): boolean {
  return given.some((signature) => verify(null, signed, key, signature));
}
