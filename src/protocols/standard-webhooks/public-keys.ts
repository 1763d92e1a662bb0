import { hash } from 'node:crypto';
import type { WebhookSecret } from './secret.ts';

/** An Ed25519 public key as JSON Web Key (RFC 8037, section 2). */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  /** The 32 bytes in base64url. */
  readonly x: string;
  /** The thumbprint of RFC 7638: the same key has the same name everywhere and for ever. */
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'EdDSA';
}

/** A JSON Web Key Set (RFC 7517, section 5). */
export interface PublicKeySet {
  readonly keys: readonly PublicJwk[];
}

/**
 * The public keys of these secrets, each once, for a well-known URL; shared secrets are left out. It answers who asks for the keys of a
 * sender he already trusts: a receiver pins them and does not follow a key named by the webhook itself (SW-13).
 */
export function publicKeySet(secrets: readonly WebhookSecret[]): PublicKeySet {
  const keys = new Map<string, PublicJwk>();
  for (const secret of secrets) {
    if (secret.kind === 'shared') continue;
    const jwk = publicJwk(secret.publicKey);
    keys.set(jwk.kid, jwk);
  }
  return { keys: [...keys.values()] };
}

function publicJwk(publicKey: Buffer): PublicJwk {
  const x = publicKey.toString('base64url');
  // The members that RFC 8037, section 2, demands, in the order of RFC 7638, section 3.2.
  const kid = hash('sha256', `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`, 'base64url');
  return { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' };
}
