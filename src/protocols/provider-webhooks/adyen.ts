import { createHmac } from 'node:crypto';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { CloudEventError } from '../cloudevents/cloud-event-error.ts';
import type { JsonReader } from '../json/json-reader.ts';
import { fromBase64, fromHex, sameBytes } from '../standard-webhooks/signature-bytes.ts';
import { isRefused, matchSecret, refused, type Refused, type Verdict } from '../standard-webhooks/verdict.ts';
import type { ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { digestId, eventType, firstOf, providerEvent, uriPart } from './provider-event.ts';
import { fieldReader, readJson, unlessMalformed } from './read-fields.ts';

/** Most items of one request; Adyen sends one, in old settings up to six. */
const maxItems = 100;

/**
 * Adyen's standard webhooks: each item of `notificationItems` carries `additionalData.hmacSignature`, base64 of an HMAC-SHA256 by a key
 * given in hexadecimal, over eight of its members with colons between. Nothing else is signed: neither the time nor `live`. An id is made
 * of members that are. All items must hold, or none is believed.
 */
export const adyen: ProviderWebhook = {
  name: 'adyen',
  isIdSigned: true,
  secretFault: (secret) => (fromHex(secret) === undefined ? 'The HMAC key is not hexadecimal.' : undefined),
  verify,
  toEvents,
};

const read = fieldReader([
  'pspReference',
  'originalReference',
  'merchantAccountCode',
  'merchantReference',
  'amount.value',
  'amount.currency',
  'eventCode',
  'success',
  'eventDate',
  'additionalData.hmacSignature',
]);

type Item = ReturnType<typeof read>;

function verify({ body }: WebhookRequest, secrets: readonly string[]): Verdict {
  const items = unlessMalformed(() => itemsOf(body).map(read));
  if (items === undefined || items.length === 0) {
    return refused('BODY_MALFORMED', 'The body is not JSON with notificationItems, or one of their members is there more than once.');
  }
  let first: number | undefined;
  for (const item of items) {
    const secret = verifyItem(item, secrets);
    if (isRefused(secret)) return secret;
    first ??= secret;
  }
  const ids = items.map(idOf);
  return { ok: true, id: ids.length === 1 ? ids[0] : digestId(...ids), secret: first ?? 0 };
}

function verifyItem(item: Item, secrets: readonly string[]): number | Refused {
  const signature = item['additionalData.hmacSignature'];
  if (signature === undefined)
    return refused('BODY_UNSIGNED', 'An item has no additionalData.hmacSignature. Is HMAC switched on for this webhook?');
  const given = fromBase64(signature);
  if (given === undefined) return refused('NO_KNOWN_SIGNATURE', 'The hmacSignature of an item is not base64.');
  const signed = signedText(item);
  if (isRefused(signed)) return signed;
  return matchSecret(secrets, (secret) => {
    const key = fromHex(secret);
    return key !== undefined && sameBytes(given, createHmac('sha256', key).update(signed).digest());
  });
}

/**
 * Adyen's manual once demanded backslashes before colons; what it sends has none (its own libraries dropped them), so that a colon could
 * be moved from one member to the next. Only the merchant's own reference may hold one: the others tell where it begins and ends.
 */
function signedText(item: Item): string | Refused {
  const before = [item.pspReference, item.originalReference, item.merchantAccountCode];
  const after = [item['amount.value'], item['amount.currency'], item.eventCode, item.success];
  if ([...before, ...after].some((value) => value?.includes(':') === true)) {
    return refused(
      'BODY_MALFORMED',
      'A signed member other than merchantReference holds a colon, so that the signature could mean something else.',
    );
  }
  return [...before, item.merchantReference, ...after].map((value) => value ?? '').join(':');
}

/** Adyen repeats a notification with the same reference, code and outcome; one payment may first fail and then succeed. */
function idOf({ pspReference = '', eventCode = '', success = '' }: Item): string {
  return `${pspReference}:${eventCode}:${success}`;
}

/**
 * An event for each item. id: `pspReference:eventCode:success`. source: the merchant account. type: `com.adyen.<event code in lower case>`.
 * subject: the original payment, else this one. time: `eventDate`, which is not signed. data: the item, byte for byte.
 */
function toEvents({ body }: WebhookRequest): readonly CloudEvent[] {
  return itemsOf(body).map((data) => {
    const item = read(data);
    return providerEvent({
      id: idOf(item),
      source: `https://www.adyen.com/merchants/${uriPart(item.merchantAccountCode ?? '')}`,
      type: `com.adyen.${eventType(item.eventCode?.toLowerCase())}`,
      subject: firstOf(item.originalReference, item.pspReference),
      time: item.eventDate,
      datacontenttype: 'application/json',
      data,
    });
  });
}

/** The bytes of each `NotificationRequestItem`. Throws CloudEventError for a body of another shape. */
function itemsOf(body: Buffer): readonly Buffer[] {
  return readJson(body, (reader) => {
    const items: Buffer[] = [];
    onlyMember(reader, 'notificationItems', () => {
      reader.openArray();
      while (reader.element()) {
        if (items.length === maxItems) throw new CloudEventError('data', `a request has at most ${maxItems} items`);
        onlyMember(reader, 'NotificationRequestItem', () => {
          reader.skip();
          items.push(reader.bytes.subarray(reader.start, reader.offset));
        });
      }
    });
    return items;
  });
}

/** Steps into an object, hands its member of this name over and passes the others. Throws CloudEventError unless it is there once. */
function onlyMember(reader: JsonReader, wanted: string, take: () => void): void {
  let count = 0;
  reader.openObject();
  for (let name = reader.member(); name !== undefined; name = reader.member()) {
    if (name !== wanted) {
      reader.skip();
      continue;
    }
    count += 1;
    if (count === 1) take();
    else reader.skip();
  }
  if (count !== 1) throw new CloudEventError('data', `it must have the member ${wanted} once`);
}
