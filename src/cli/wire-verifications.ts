import { hash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { systemClock } from '../core/clock.ts';
import { consentDesk } from '../desks/consent/consent-desk.ts';
import type { OpenedReading } from '../push/courier-parts.ts';
import type { ConsentCallback, VerificationsParts } from '../push/verification/verifications.ts';
import { Verifications } from '../push/verification/verifications.ts';
import type { Resource } from '../store/resources.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface VerificationParts extends Pick<VerificationsParts, 'send' | 'targetOf' | 'onChange'> {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  readonly publicUrl: string | undefined;
}

/** Who asks receivers whether they want deliveries, with what they said before; nobody is asked before `start`. */
export function openVerifications({ foundation, parts, publicUrl, ...others }: VerificationParts): Promise<Verifications> {
  const { store, database } = foundation;
  return Verifications.open({
    ...others,
    store,
    database,
    clock: systemClock,
    random: Math.random,
    nonce: () => randomBytes(24).toString('base64url'),
    schedule: parts.schedule,
    // CE-8: a name of the sender, which receivers are to know again.
    origin: publicUrl === undefined ? hostname() : new URL(publicUrl).hostname,
    callback: publicUrl === undefined ? undefined : callbackAt(publicUrl, foundation),
    onBug: parts.onBug,
  });
}

/** Sealing gives the same text for the same text, and nobody without the key can. */
function callbackAt(publicUrl: string, { sealer }: Foundation): ConsentCallback {
  return {
    tokenOf: (text) => hash('sha256', sealer.seal(`consent of ${text}`), 'base64url'),
    urlOf: (endpoint, token) => `${publicUrl.replace(/\/$/, '')}/.well-known/${consentDesk}/${endpoint}/${token}`,
  };
}

/** A reading that ends when the receiver does not want it any more. */
export function heldByVerification(reading: OpenedReading, verifications: Verifications, endpoint: Resource<'endpoint'>): OpenedReading {
  return { ...reading, refusal: () => verifications.change(endpoint) ?? reading.refusal() };
}
