import type { DeskAnswer, DeskRequest } from '../../core/desk.ts';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { EventDraft } from '../../core/event.ts';
import type { EventGateway } from '../../gateway/gateway.ts';
import type { SourceAccess } from '../../gateway/source-access.ts';
import { CloudEventError } from '../../protocols/cloudevents/cloud-event-error.ts';
import { consentHeaders, readAsk } from '../../protocols/provider-webhooks/handshake.ts';
import { digestId } from '../../protocols/provider-webhooks/provider-event.ts';
import type { WebhookRequest } from '../../protocols/provider-webhooks/provider-webhook.ts';
import { isRefused, type Believed } from '../../protocols/standard-webhooks/verdict.ts';
import type { ResourceStore } from '../../store/resources.ts';
import type { Desk, Visit } from '../desk.ts';
import { challengeAnswer, pausedAnswer, takenAnswer } from './answers.ts';
import { named } from './event-names.ts';
import { nobody, type CameAs, type InboundCounts } from './inbound-counts.ts';
import { OpenSources } from './open-sources.ts';
import type { OpenedSource } from './opened-source.ts';
import type { ReplayMemory } from './replay-memory.ts';
import type { TopicSubscriber } from './topic-subscriber.ts';

interface InboundParts {
  readonly store: Pick<ResourceStore, 'get'>;
  readonly gateway: Pick<EventGateway, 'openSource'>;
  /** Unseals a secret. */
  readonly open: (sealed: string) => string;
  readonly replays: ReplayMemory;
  /** Knows the callbacks that hubs were given. */
  readonly topics: Pick<TopicSubscriber, 'standing' | 'answer'>;
  /** Wall time in milliseconds. */
  readonly now: () => number;
  readonly counts?: Pick<InboundCounts, 'came'> | undefined;
}

/** A request at a source that is there. */
interface Delivery {
  readonly source: OpenedSource;
  readonly access: SourceAccess;
  readonly request: WebhookRequest;
  /** What its events say they come from where the provider does not: without the token of a callback, and the same however the URL was written. */
  readonly place: string;
  /** Told once what it came as. */
  readonly count: Counting;
}

type Counting = (result: CameAs, code?: string) => void;

/** Presets that send a request of another method than POST: without a body, the URL itself signed. */
const alsoByGet = new Set(['twilio']);

/** Where webhooks of other providers come in: `POST {API}/-/in/{application}/{source}`, from a hub with the token of its callback behind. */
export class InboundDesk implements Desk {
  readonly name = 'in';
  readonly #parts: InboundParts;
  readonly #sources: OpenSources;

  constructor(parts: InboundParts) {
    this.#parts = parts;
    this.#sources = new OpenSources(parts.store, parts.open);
  }

  async answer({ request, api, rest }: Visit): Promise<DeskAnswer> {
    const [application = '', name = '', token] = rest;
    if (rest.length < 2 || rest.length > 3)
      throw new GatewayError('NOT_FOUND', 'Webhooks come in at /-/in/{application}/{source}; docs/guides/inbound-webhooks.md says how.');
    const { method } = request;
    const standing = token === undefined ? undefined : this.#parts.topics.standing(token, application, name);
    if (token !== undefined && method === 'GET') return await this.#verify(standing === undefined ? '' : token, request);
    if (method === 'POST' && standing === 'over') return { status: 410, headers: {}, body: '' };
    const found = this.#sources.find(api.resource, application, name);
    // Content of a hub comes to the callback that hub was given, and nowhere else.
    const source = (found?.resource.spec.topic !== undefined) === (standing === 'wanted') ? found : undefined;
    if (method === 'OPTIONS' && source?.resource.spec.preset === 'cloudevents') return handshake(request);
    if (method !== 'POST' && !(method === 'GET' && alsoByGet.has(source?.resource.spec.preset ?? '')))
      throw new GatewayError('METHOD_NOT_ALLOWED', `Webhooks come in by POST; ${method} means nothing here.`);
    const access = this.#parts.gateway.openSource({
      api: api.resource.name,
      subscription: source?.resource.spec.subscription,
      address: source?.resource.spec.address ?? '',
      publisher: source ?? this,
    });
    if (source === undefined) {
      this.#sources.pretend(request.body);
      this.#count(api, nobody, 'refused', 'NO_SOURCE');
      access.refused('connect', new GatewayError('UNAUTHENTICATED', 'A webhook came in for a source that is not there.'));
      throw notBelieved();
    }
    const { preset } = source.resource.spec;
    const count: Counting = (result, code) => this.#count(api, preset, result, code);
    return await this.#receive({ source, access, request: webhookOf(request), place: placeOf(api, application, name), count });
  }

  #count(api: Visit['api'], preset: string, result: CameAs, code = ''): void {
    this.#parts.counts?.came(api.resource.name, preset, { result, code });
  }

  /** A hub that asks whether a subscription was meant (WebSub, section 5.3.1). */
  async #verify(token: string, { query }: DeskRequest): Promise<DeskAnswer> {
    const answer = await this.#parts.topics.answer(token, query);
    return answer.kind === 'confirmed' ? challengeAnswer(answer) : { status: answer.status, headers: {}, body: '' };
  }

  async #receive(delivery: Delivery): Promise<DeskAnswer> {
    const { source, access, request, count } = delivery;
    const { spec } = source.resource;
    const now = this.#parts.now();
    const verdict = source.provider.verify(request, source.secrets(now), { now, toleranceSeconds: spec.tolerance / 1000 });
    if (isRefused(verdict)) {
      // What exactly is wrong is for who owns the source, not for who tries.
      access.refused('connect', new GatewayError('UNAUTHENTICATED', `${source.resource.name}: ${verdict.sentence}`));
      count('refused', verdict.code);
      throw notBelieved();
    }
    if (spec.state === 'paused') {
      count('paused');
      return pausedAnswer();
    }
    const challenge = source.provider.challenge?.(request);
    if (challenge !== undefined) {
      count('challenge');
      return challengeAnswer(challenge);
    }
    try {
      return await this.#take(delivery, verdict);
    } catch (error) {
      count('refused', toGatewayError(error).code);
      throw error;
    }
  }

  async #take(delivery: Delivery, verdict: Believed): Promise<DeskAnswer> {
    const { source, count } = delivery;
    const events = eventsOf(delivery);
    const accepted = events.length === 0 ? 0 : await this.#publishOnce(delivery, verdict, events);
    if (accepted === 'paused') {
      count('paused');
      return pausedAnswer();
    }
    count(events.length === 0 ? 'empty' : accepted === 0 ? 'repeated' : 'accepted');
    return takenAnswer(source.resource.spec.preset, accepted);
  }

  /** How many events are new; none when all of it was taken before. */
  async #publishOnce(delivery: Delivery, verdict: Believed, events: readonly EventDraft[]): Promise<number | 'paused'> {
    const { source, access } = delivery;
    const key = repetitionKey(delivery, verdict);
    const publish = async (): Promise<number> => (await access.publish(events)).filter(({ duplicate }) => !duplicate).length;
    try {
      if (key === undefined) return await publish();
      // A signature holds for its tolerance before its time and after it.
      const span = Math.max(minRecognition, 2 * source.resource.spec.tolerance);
      const taken = await this.#parts.replays.once([source.resource.id, key], span, publish);
      return taken === 'repeated' ? 0 : taken;
    } catch (error) {
      if (isPaused(toGatewayError(error))) return 'paused';
      throw error;
    }
  }
}

/** For how long a request is recognised whose signature has no time, in milliseconds. */
const minRecognition = 600_000;

/** By what a request is known again: the id that was signed, else what was; undefined where nothing is signed at all. */
function repetitionKey({ source, request }: Delivery, { id }: Believed): string | undefined {
  const { preset, replay } = source.resource.spec;
  if (preset === 'cloudevents') return undefined;
  if (source.provider.isIdSigned || replay === 'id') return id;
  return digestId(request.method === 'GET' ? request.url : '', request.body);
}

function eventsOf({ source, access, request, place }: Delivery): readonly EventDraft[] {
  try {
    return named(source.provider.toEvents(request, { source: place }), source.resource.spec);
  } catch (error) {
    if (!(error instanceof CloudEventError)) throw error;
    const refusal = new GatewayError('INVALID_EVENT', `The request is believed, but there is no event in it: ${error.message}`, {
      cause: error,
    });
    access.refused('publish', refusal);
    throw refusal;
  }
}

function placeOf({ resource }: Visit['api'], application: string, name: string): string {
  const { path } = resource.spec;
  return `${path === '/' ? '' : path}/-/in/${encodeURIComponent(application)}/${encodeURIComponent(name)}`;
}

/** CE-8, CE-9: who asks whether it may send is told that it may, as fast as it likes: what it sends must show a token. */
function handshake({ headers }: DeskRequest): DeskAnswer {
  const asked = readAsk(headers);
  if (isRefused(asked)) throw new GatewayError('BAD_REQUEST', asked.sentence);
  const consent = consentHeaders(asked.origin, asked.ratePerMinute);
  return challengeAnswer({ status: 200, headers: consent, body: '' });
}

function webhookOf({ method, origin, path, query, headers, body }: DeskRequest): WebhookRequest {
  return {
    method,
    url: `${origin}${path}${query === '' ? '' : `?${query}`}`,
    headers,
    body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
  };
}

/** A pause ends, and providers that are told to come back lose nothing; a refusal would make them give up. */
function isPaused({ code, details }: GatewayError): boolean {
  return code === 'SUBSCRIPTION_INACTIVE' && (details['state'] === 'paused' || details['state'] === 'pending');
}

/** The same whether there is no such source or the signature is wrong. */
function notBelieved(): GatewayError {
  return new GatewayError('UNAUTHENTICATED', 'This is not signed as a webhook for a source of this name has to be.');
}
