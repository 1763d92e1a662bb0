import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { CloudEventError } from '../cloudevents/cloud-event-error.ts';
import { oneHeader } from '../standard-webhooks/one-header.ts';
import { fromBase64 } from '../standard-webhooks/signature-bytes.ts';
import { isRefused, matchSecret, readTimestamp, refused, type Believing, type Verdict } from '../standard-webhooks/verdict.ts';
import { ProviderWebhookError } from './provider-webhook-error.ts';
import type { ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { digestId, eventType, firstOf, providerEvent } from './provider-event.ts';
import { fieldReader, readJson } from './read-fields.ts';

const signatureHeader = 'X-Twilio-Email-Event-Webhook-Signature';
const timestampHeader = 'X-Twilio-Email-Event-Webhook-Timestamp';

/** Most events of one request; SendGrid sends what gathered in some seconds. */
const maxEvents = 10_000;

/**
 * SendGrid's event webhook: ECDSA on P-256 with SHA-256 over timestamp and body, the signature base64 DER. The secrets are public keys,
 * base64 SPKI as SendGrid shows them (PEM too); signing takes private ones, base64 PKCS #8. The id is a hash of the signed body.
 */
export const sendgrid: ProviderWebhook = {
  name: 'sendgrid',
  isIdSigned: true,
  secretFault: (secret) =>
    publicKey(secret) === undefined ? 'The verification key is not a P-256 public key in base64 (SPKI).' : undefined,
  verify: verifyRequest,
  toEvents,
  sign({ timestamp, body }, secrets) {
    const key = privateKey(secrets[0] ?? '');
    if (key === undefined) throw new ProviderWebhookError('Signing takes a P-256 private key in base64 (PKCS #8).');
    const signature = sign('sha256', signed(String(timestamp), body), { key, dsaEncoding: 'der' });
    return { [signatureHeader]: signature.toString('base64'), [timestampHeader]: String(timestamp) };
  },
};

function verifyRequest({ headers, body }: WebhookRequest, secrets: readonly string[], believing: Believing): Verdict {
  const header = oneHeader(headers, signatureHeader.toLowerCase());
  if (isRefused(header)) return header;
  const signature = fromBase64(header);
  if (signature === undefined) return refused('HEADER_MALFORMED', `${signatureHeader} is not base64.`);
  const time = oneHeader(headers, timestampHeader.toLowerCase());
  if (isRefused(time)) return time;
  const timestamp = readTimestamp(time, believing);
  if (isRefused(timestamp)) return timestamp;
  const bytes = signed(time, body);
  const secret = matchSecret(secrets, (candidate) => {
    const key = publicKey(candidate);
    return key !== undefined && verify('sha256', bytes, { key, dsaEncoding: 'der' }, signature);
  });
  return isRefused(secret) ? secret : { ok: true, id: digestId(body), timestamp, secret };
}

function signed(time: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(time), body]);
}

function publicKey(text: string): KeyObject | undefined {
  const der = fromBase64(text.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, ''));
  return der === undefined ? undefined : onP256(() => createPublicKey({ key: der, format: 'der', type: 'spki' }));
}

function privateKey(text: string): KeyObject | undefined {
  const der = fromBase64(text.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, ''));
  return der === undefined ? undefined : onP256(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
}

/** Undefined for bytes that are no key, and for keys of another kind. */
function onP256(read: () => KeyObject): KeyObject | undefined {
  try {
    const key = read();
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined;
  }
}

const read = fieldReader(['event', 'sg_event_id', 'sg_message_id', 'timestamp']);

/**
 * An event for each object of the array. id: `sg_event_id`, else a hash of the object. source: `https://api.sendgrid.com`.
 * type: `com.sendgrid.<event>`. subject: `sg_message_id`. time: `timestamp`. data: the object, byte for byte.
 */
function toEvents({ body }: WebhookRequest): readonly CloudEvent[] {
  return objectsOf(body).map((data) => {
    const found = read(data);
    return providerEvent({
      id: firstOf(found.sg_event_id) ?? digestId(data),
      source: 'https://api.sendgrid.com',
      type: `com.sendgrid.${eventType(found.event)}`,
      subject: found.sg_message_id,
      time: found.timestamp,
      datacontenttype: 'application/json',
      data,
    });
  });
}

function objectsOf(body: Buffer): readonly Buffer[] {
  return readJson(body, (reader) => {
    const objects: Buffer[] = [];
    const take = (): void => {
      reader.skip();
      objects.push(reader.bytes.subarray(reader.start, reader.offset));
    };
    if (reader.kind() !== 'array') {
      take();
      return objects;
    }
    reader.openArray();
    while (reader.element()) {
      if (objects.length === maxEvents) throw new CloudEventError('data', `a request has at most ${maxEvents} events`);
      take();
    }
    return objects;
  });
}
