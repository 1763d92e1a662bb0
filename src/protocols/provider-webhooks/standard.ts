import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { optionalHeader } from '../standard-webhooks/one-header.ts';
import { parseSecret, type SharedSecret, type SigningKey, type WebhookSecret } from '../standard-webhooks/secret.ts';
import { signStandardWebhook } from '../standard-webhooks/sign.ts';
import { StandardWebhookError } from '../standard-webhooks/standard-webhook-error.ts';
import { verifyStandardWebhook } from '../standard-webhooks/verify.ts';
import { toWebhookId } from '../standard-webhooks/webhook-id.ts';
import type { EventDefaults, ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { contentType, digestId, eventType, providerEvent } from './provider-event.ts';
import { fieldReader, unlessMalformed } from './read-fields.ts';

/**
 * Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`. Secrets as `parseSecret` reads them, to verify also
 * public keys; all of them sign.
 */
export const standard: ProviderWebhook = {
  name: 'standard',
  isIdSigned: true,
  secretFault(secret) {
    const parsed = tryParse(secret);
    return parsed instanceof StandardWebhookError ? parsed.message : undefined;
  },
  verify({ headers, body }, secrets, believing) {
    const valid = secrets.flatMap((text, index) => {
      const secret = tryParse(text);
      return secret instanceof StandardWebhookError ? [] : [{ secret, index }];
    });
    const verdict = verifyStandardWebhook(
      headers,
      body,
      valid.map(({ secret }) => secret),
      believing,
    );
    return verdict.ok ? { ...verdict, secret: valid[verdict.secret]?.index ?? 0 } : verdict;
  },
  toEvents,
  sign({ id, timestamp, body }, secrets) {
    return { ...signStandardWebhook({ id: toWebhookId(id), timestamp, body, secrets: secrets.map(signer) }) };
  },
};

function tryParse(text: string): WebhookSecret | StandardWebhookError {
  try {
    return parseSecret(text);
  } catch (thrown) {
    if (thrown instanceof StandardWebhookError) return thrown;
    throw thrown;
  }
}

function signer(text: string): SharedSecret | SigningKey {
  const secret = parseSecret(text);
  if (secret.kind === 'verification') throw new StandardWebhookError('A public key (whpk_) cannot sign.');
  return secret;
}

const read = fieldReader(['type', 'timestamp']);

/**
 * One event. id: `webhook-id`. source: as configured, since the format names none. type and time: `type` and `timestamp` of the payload
 * (SW-2), the type `webhook` where it has none. data: the body.
 */
function toEvents({ headers, body }: WebhookRequest, defaults: EventDefaults): readonly CloudEvent[] {
  const found = unlessMalformed(() => read(body));
  return [
    providerEvent({
      id: optionalHeader(headers, 'webhook-id') ?? digestId(body),
      source: defaults.source,
      type: found?.type === undefined ? 'webhook' : eventType(found.type),
      time: found?.timestamp,
      datacontenttype: contentType(headers),
      data: body,
    }),
  ];
}
