import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { oneHeader } from '../standard-webhooks/one-header.ts';
import { isRefused, refused, type Believing, type Verdict } from '../standard-webhooks/verdict.ts';
import { parseLinks } from '../websub/links.ts';
import { HmacScheme, type HmacAlgorithm } from './hmac-scheme.ts';
import type { EventDefaults, ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { contentType, digestId, providerEvent } from './provider-event.ts';

/** WebSub, section 5.1: a secret is shorter than 200 bytes. */
const maxSecretBytes = 199;

const schemes: Readonly<Record<HmacAlgorithm, HmacScheme>> = {
  sha1: websubScheme('sha1'),
  sha256: websubScheme('sha256'),
  sha384: websubScheme('sha384'),
  sha512: websubScheme('sha512'),
};

function websubScheme(algorithm: HmacAlgorithm): HmacScheme {
  return new HmacScheme({ header: 'X-Hub-Signature', prefix: `${algorithm}=`, algorithm, encoding: 'hex' });
}

/**
 * Distributions of a WebSub hub: `X-Hub-Signature: <method>=<hex>` over the body (WS-A1), SHA-256 or better (WS-X1). Neither a time nor
 * an id is signed or sent; the id is a hash of topic and body. What is refused must be dropped, and may still be answered 2xx (WS-A2).
 */
export const websub: ProviderWebhook = preset('websub', ['sha256', 'sha384', 'sha512']);

/** The same for hubs that sign with SHA-1 only, as many public ones do. */
export const websubSha1: ProviderWebhook = preset('websub-sha1', ['sha1', 'sha256', 'sha384', 'sha512']);

function preset(name: string, allowed: readonly HmacAlgorithm[]): ProviderWebhook {
  return {
    name,
    isIdSigned: false,
    secretFault(secret) {
      if (secret === '') return 'The secret is empty.';
      return Buffer.byteLength(secret) > maxSecretBytes ? `The secret has more than ${maxSecretBytes} bytes.` : undefined;
    },
    verify: (request, secrets, believing) => verify(request, secrets, believing, allowed),
    toEvents,
    sign: (outgoing, secrets) => schemes.sha256.sign(outgoing, secrets),
  };
}

function verify(request: WebhookRequest, secrets: readonly string[], believing: Believing, allowed: readonly HmacAlgorithm[]): Verdict {
  const header = oneHeader(request.headers, 'x-hub-signature');
  if (isRefused(header)) return header;
  const method = allowed.find((algorithm) => header.startsWith(`${algorithm}=`));
  if (method === undefined)
    return refused('NO_KNOWN_SIGNATURE', `X-Hub-Signature does not name a method accepted here: ${allowed.join(', ')}.`);
  const verdict = schemes[method].verify(request, secrets, believing);
  return verdict.ok ? { ...verdict, id: digestId(selfLink(request) ?? '', request.body) } : verdict;
}

/** The topic: the target of the link with the relation `self` (WS-C2). */
function selfLink({ headers }: WebhookRequest): string | undefined {
  const header = Object.hasOwn(headers, 'link') ? headers['link'] : undefined;
  return parseLinks(header).find(({ rels }) => rels.includes('self'))?.target;
}

/**
 * One event. id: a hash of topic and body. source: the topic, by `Link: rel=self`. type: `org.w3.websub.content`. data: the body with the
 * topic's content type.
 */
function toEvents(request: WebhookRequest, defaults: EventDefaults): readonly CloudEvent[] {
  const topic = selfLink(request);
  return [
    providerEvent({
      id: digestId(topic ?? '', request.body),
      source: topic === undefined || topic === '' ? defaults.source : topic,
      type: 'org.w3.websub.content',
      datacontenttype: contentType(request.headers),
      data: request.body,
    }),
  ];
}
