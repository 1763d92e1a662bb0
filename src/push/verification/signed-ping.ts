import type { CloudEvent } from '../../protocols/cloudevents/cloud-event.ts';
import type { PushTarget } from '../push-target.ts';
import { contentOf, signedRequest } from '../webhook-request.ts';
import { unverified, type VerificationCheck } from './verification-check.ts';

/** Sends an event that says nothing but that somebody asks, signed and authenticated as every other: any 2xx means that it was believed. */
export function signedPing(target: PushTarget, { nonce, at }: { readonly nonce: string; readonly at: number }): VerificationCheck {
  const id = `ping_${nonce}`;
  const ping: CloudEvent = {
    id,
    source: `/sluice/endpoints/${target.id}`,
    type: 'io.sluice.endpoint.ping',
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    extensions: {},
    data: Buffer.from(JSON.stringify({ endpoint: target.id })),
    dataKind: 'json',
  };
  return {
    request: signedRequest(target, contentOf(target.content, ping, { id }), { number: 1, retryReason: undefined, at }),
    judge(outcome) {
      if (outcome.kind === 'failed') return unverified(outcome.sentence);
      const isTaken = outcome.status >= 200 && outcome.status <= 299;
      return isTaken
        ? { isVerified: true, perMinute: undefined }
        : unverified(`The receiver answered the signed ping with ${outcome.status}.`);
    },
  };
}
