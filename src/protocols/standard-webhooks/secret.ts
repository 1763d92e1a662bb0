import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { StandardWebhookError } from './standard-webhook-error.ts';

/** `whsec_…`: sender and receiver share it, and either can sign (`v1`). */
export interface SharedSecret {
  readonly kind: 'shared';
  /** As a key of `node:crypto`, because making one of bytes for each signature takes four times as long as signing. */
  readonly key: KeyObject;
}

/** `whsk_…`: the sender's own Ed25519 key (`v1a`). */
export interface SigningKey {
  readonly kind: 'signing';
  readonly key: KeyObject;
  /** The 32 bytes of RFC 8032. */
  readonly publicKey: Buffer;
}

/** `whpk_…`: what receivers hold, and can only verify with. */
export interface VerificationKey {
  readonly kind: 'verification';
  readonly key: KeyObject;
  /** The 32 bytes of RFC 8032. */
  readonly publicKey: Buffer;
}

export type WebhookSecret = SharedSecret | SigningKey | VerificationKey;

/** Gives so many random bytes. */
export type RandomBytes = (bytes: number) => Buffer;

/** Bounds of Standard Webhooks 1.0.0, signature scheme: 192 to 512 bits. */
const minSharedBytes = 24;
const maxSharedBytes = 64;
const defaultSharedBytes = 32;
const ed25519Bytes = 32;

/** Longest text that is looked at, in characters: a signing key has 93. */
const maxTextLength = 256;

/** What precedes the 32 bytes of an Ed25519 key in PKCS #8 and in SPKI (RFC 8410, sections 4 and 7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Reads a secret as its owner copied it: `whsec_`, `whsk_` or `whpk_` and base64, standard or URL-safe, padded or not, white space around
 * it ignored. Without a prefix it is a shared secret. A signing key is 64 bytes (seed and public key, as Svix has it) or the 32 of the
 * seed alone. Throws StandardWebhookError.
 */
export function parseSecret(text: string): WebhookSecret {
  const trimmed = text.trim();
  if (trimmed === '') throw new StandardWebhookError('The secret is empty.');
  if (trimmed.length > maxTextLength) throw new StandardWebhookError(`The secret is longer than ${maxTextLength} characters.`);
  if (trimmed.startsWith('whsk_')) return signingKey(decode(trimmed.slice(5)));
  if (trimmed.startsWith('whpk_')) return verificationKey(decode(trimmed.slice(5)));
  return sharedSecret(decode(trimmed.startsWith('whsec_') ? trimmed.slice(6) : trimmed));
}

/** A new shared secret, `whsec_…`, of 24 to 64 random bytes. */
export function generateSharedSecret(random: RandomBytes, bytes = defaultSharedBytes): string {
  return `whsec_${sharedSecret(random(bytes)).key.export().toString('base64')}`;
}

/** A new signing key, `whsk_…` and the base64 of seed and public key. */
export function generateSigningKey(random: RandomBytes): string {
  const seed = random(ed25519Bytes);
  return `whsk_${Buffer.concat([seed, signingKey(seed).publicKey]).toString('base64')}`;
}

/** `whpk_…`, for the receivers of what this key signs. */
export function publicKeyText({ publicKey }: SigningKey | VerificationKey): string {
  return `whpk_${publicKey.toString('base64')}`;
}

function sharedSecret(key: Buffer): SharedSecret {
  if (key.length < minSharedBytes || key.length > maxSharedBytes) {
    throw new StandardWebhookError(`A shared secret has ${minSharedBytes} to ${maxSharedBytes} bytes, this one ${key.length}.`);
  }
  return { kind: 'shared', key: createSecretKey(key) };
}

function signingKey(bytes: Buffer): SigningKey {
  if (bytes.length !== ed25519Bytes && bytes.length !== 2 * ed25519Bytes) {
    throw new StandardWebhookError(`A signing key (whsk_) has 64 bytes, or the 32 of its seed; this one has ${bytes.length}.`);
  }
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Head, bytes.subarray(0, ed25519Bytes)]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(spkiHead.length);
  // Signing with a seed that belongs to another public key would make signatures that nobody can verify.
  if (bytes.length > ed25519Bytes && !publicKey.equals(bytes.subarray(ed25519Bytes))) {
    throw new StandardWebhookError('The public half of this signing key does not belong to its private half.');
  }
  return { kind: 'signing', key, publicKey };
}

function verificationKey(publicKey: Buffer): VerificationKey {
  if (publicKey.length !== ed25519Bytes) {
    throw new StandardWebhookError(`A public key (whpk_) has 32 bytes, this one ${publicKey.length}.`);
  }
  const key = createPublicKey({ key: Buffer.concat([spkiHead, publicKey]), format: 'der', type: 'spki' });
  return { kind: 'verification', key, publicKey };
}

function decode(text: string): Buffer {
  const digits = text
    .replace(/={1,2}$/, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  if (!/^[A-Za-z0-9+/]+$/.test(digits) || digits.length % 4 === 1) {
    throw new StandardWebhookError('The secret is not base64: after its prefix only letters, digits, +, / (or - and _) and = may follow.');
  }
  return Buffer.from(digits, 'base64');
}
