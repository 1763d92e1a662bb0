import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { optionalHeader } from '../standard-webhooks/one-header.ts';
import { HmacScheme, type HmacStyle } from './hmac-scheme.ts';
import type { EventDefaults, ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { contentType, digestId, eventType, providerEvent } from './provider-event.ts';

/** A provider that is none of the presets: how it signs, and where it says what an event is. */
export interface GenericHmacOptions extends HmacStyle {
  /** The type of its events, where no header says more. */
  readonly type: string;
  /** A header whose value is put behind that type, after a dot. */
  readonly typeHeader?: string | undefined;
}

/**
 * Any provider that signs with an HMAC in a header. Throws ProviderWebhookError for a style that could not be verified safely.
 * Its events: id by the id header, else a hash of the body. source: as configured. type: as configured, with the value of the type header
 * (slashes and colons as dots). data: the body.
 */
export function genericHmac(options: GenericHmacOptions): ProviderWebhook {
  const scheme = new HmacScheme(options);
  return {
    name: 'hmac',
    isIdSigned: scheme.isIdSigned,
    secretFault: (secret) => scheme.secretFault(secret),
    verify(request, secrets, believing) {
      const verdict = scheme.verify(request, secrets, believing);
      return verdict.ok ? { ...verdict, id: verdict.id ?? digestId(request.body) } : verdict;
    },
    toEvents: (request, defaults) => [toEvent(request, defaults, options)],
    sign: (outgoing, secrets) => scheme.sign(outgoing, secrets),
  };
}

function toEvent(
  { headers, body }: WebhookRequest,
  { source }: EventDefaults,
  { idHeader, type, typeHeader }: GenericHmacOptions,
): CloudEvent {
  const id = idHeader === undefined ? undefined : optionalHeader(headers, idHeader.toLowerCase());
  const kind = typeHeader === undefined ? undefined : optionalHeader(headers, typeHeader.toLowerCase());
  return providerEvent({
    id: id ?? digestId(body),
    source,
    type: kind === undefined ? type : `${type}.${eventType(kind.replaceAll(/[/:]/g, '.'))}`,
    datacontenttype: contentType(headers),
    data: body,
  });
}
