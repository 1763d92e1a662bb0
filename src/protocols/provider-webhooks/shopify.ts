import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { optionalHeader } from '../standard-webhooks/one-header.ts';
import { HmacScheme } from './hmac-scheme.ts';
import type { EventDefaults, ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { contentType, digestId, eventType, providerEvent, uriPart } from './provider-event.ts';
import { fieldReader, unlessMalformed } from './read-fields.ts';

const scheme = new HmacScheme({ header: 'X-Shopify-Hmac-Sha256', algorithm: 'sha256', encoding: 'base64' });

/** Shopify: `X-Shopify-Hmac-Sha256`, base64, over the body by the app's client secret. Neither a time nor any header is signed. */
export const shopify: ProviderWebhook = {
  name: 'shopify',
  isIdSigned: false,
  secretFault: (secret) => scheme.secretFault(secret),
  verify(request, secrets, believing) {
    const verdict = scheme.verify(request, secrets, believing);
    return verdict.ok ? { ...verdict, id: idOf(request) } : verdict;
  },
  toEvents,
  sign: (outgoing, secrets) => scheme.sign(outgoing, secrets),
};

/**
 * `X-Shopify-Event-Id` stays the same from attempt to attempt, but is shared by all that one action of a merchant sets off, so the topic
 * belongs to the id. Older versions send `X-Shopify-Webhook-Id` alone; without either it is a hash of the body.
 */
function idOf({ headers, body }: WebhookRequest): string {
  const event = optionalHeader(headers, 'x-shopify-event-id');
  if (event === undefined) return optionalHeader(headers, 'x-shopify-webhook-id') ?? digestId(body);
  return `${event}:${optionalHeader(headers, 'x-shopify-topic') ?? ''}`;
}

const read = fieldReader(['admin_graphql_api_id', 'id']);

/**
 * One event. id: as above. source: the shop's domain. type: `com.shopify.<topic>`, its slash as a dot
 * (`com.shopify.orders.create`). subject: the global id of the resource, else its number. time: `X-Shopify-Triggered-At`. data: the body.
 */
function toEvents(request: WebhookRequest, defaults: EventDefaults): readonly CloudEvent[] {
  const { headers, body } = request;
  const shop = optionalHeader(headers, 'x-shopify-shop-domain');
  const topic = optionalHeader(headers, 'x-shopify-topic')?.replaceAll('/', '.');
  const found = unlessMalformed(() => read(body));
  return [
    providerEvent({
      id: idOf(request),
      source: shop === undefined ? defaults.source : `https://${uriPart(shop)}`,
      type: `com.shopify.${eventType(topic)}`,
      subject: found?.admin_graphql_api_id ?? found?.id,
      time: optionalHeader(headers, 'x-shopify-triggered-at'),
      datacontenttype: contentType(headers) ?? 'application/json',
      data: body,
    }),
  ];
}
