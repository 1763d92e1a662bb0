import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';

/** Of the master key, and of both keys made from it. */
export const sealingKeyBytes = 32;

/** Says how it was sealed; part of what is authenticated. */
const prefix = 'v1.';
const nonceBytes = 12;
const tagBytes = 16;

/** Seals short texts that are needed again, so that a copy of the database gives them to nobody without the key. */
export class Sealer {
  readonly #encryptionKey: Buffer;
  readonly #nonceKey: Buffer;

  /** `key` has 32 bytes. */
  constructor(key: Uint8Array) {
    if (key.byteLength !== sealingKeyBytes) throw new RangeError(`a key has ${sealingKeyBytes} bytes, this one ${key.byteLength}`);
    this.#encryptionKey = derived(key, 'sluice sealed texts: encryption');
    this.#nonceKey = derived(key, 'sluice sealed texts: nonces');
  }

  /** AES-256-GCM with a nonce made from the text: the same text is sealed the same way, and one nonce is never used for two texts. */
  seal(text: string): string {
    const plain = Buffer.from(text, 'utf8');
    const nonce = createHmac('sha256', this.#nonceKey).update(plain).digest().subarray(0, nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#encryptionKey, nonce).setAAD(Buffer.from(prefix));
    const parts = [nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
    return prefix + Buffer.concat(parts).toString('base64url');
  }

  /** The text that was sealed; throws INTERNAL with a sentence when it was sealed with another key or has been changed. */
  open(sealed: string): string {
    const bytes = sealed.startsWith(prefix) ? Buffer.from(sealed.slice(prefix.length), 'base64url') : Buffer.alloc(0);
    if (bytes.length < nonceBytes + tagBytes) throw unreadable();
    const decipher = createDecipheriv('aes-256-gcm', this.#encryptionKey, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
      .setAAD(Buffer.from(prefix))
      .setAuthTag(bytes.subarray(-tagBytes));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw unreadable(cause);
    }
  }
}

/** Tells sealed texts apart without saying anything about what is in them: 8 hex digits. */
export function fingerprintOf(sealed: string): string {
  return createHash('sha256').update(sealed, 'utf8').digest('hex').slice(0, 8);
}

function derived(key: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), purpose, sealingKeyBytes));
}

function unreadable(cause?: unknown): GatewayError {
  return new GatewayError(
    'INTERNAL',
    'A stored secret cannot be read with the key this Sluice has. Start it with the SLUICE_SECRET_KEY, or the file secret-key in the data folder, with which the secret was stored; or store it anew.',
    { cause },
  );
}
