import { hash, randomBytes } from 'node:crypto';

/** A new API key: 192 random bits behind a prefix that secret scanners can find. */
export function mintApiKey(): string {
  return `slk_${randomBytes(24).toString('base64url')}`;
}

/** What is kept of a key: SHA-256 in hex. The keys we mint are random enough that no salt or stretching is needed. */
export function hashApiKey(value: string): string {
  return hash('sha256', value, 'hex');
}

/** What people see of a key: enough to tell keys apart, too little to guess one. */
export function apiKeyPrefix(value: string): string {
  return value.slice(0, Math.min(8, Math.floor(value.length / 3)));
}
