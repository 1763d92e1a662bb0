import type { Placed } from '../core/backbone.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { EventDraft } from '../core/event.ts';
import type { Meter } from '../core/meter.ts';
import type { ConnectionContext } from '../core/policy.ts';
import type { Precedence } from '../core/precedence.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import type { Violation } from './contract-runtime.ts';
import { refusalOf } from './refusal.ts';

interface Publishing {
  readonly meter: Meter;
  /** Over those who come back and catch up. */
  readonly precedence: Precedence;
  readonly now: () => number;
  readonly api: ApiRuntime;
  readonly subscription: BoundSubscription;
  readonly connection: ConnectionContext;
  /** Whose events keep their order. */
  readonly publisher: object;
  readonly address: string;
  readonly events: readonly EventDraft[];
}

/** The publish stage: size, contract, limits, then the log. All events of a call are taken, or none. */
export async function publishEvents(publishing: Publishing): Promise<readonly Placed[]> {
  const { meter, precedence, now, api, subscription, connection, address, events } = publishing;
  const { stages } = subscription;
  const refusal = tooLarge(api, events) ?? breaksContract(publishing) ?? stages.publish(connection, address, events);
  if (refusal !== undefined) {
    record(publishing, refusal);
    throw refusal;
  }
  const offeredAt = now();
  const publish = api.backbone.publish({ log: api.log, address }, events, publishing.publisher);
  precedence.give(publish);
  const placed = await publish.catch((error: unknown) => {
    stages.published(events.length, 0);
    const failure = toGatewayError(error);
    record(publishing, failure);
    throw failure;
  });
  const accepted = placed.reduce((sum, { duplicate }) => sum + (duplicate ? 0 : 1), 0);
  stages.published(events.length, accepted);
  meter.published({
    subscription: subscription.context,
    protocol: connection.protocol,
    log: api.log,
    address,
    byType: countAccepted(events, placed),
    duplicates: events.length - accepted,
    latency: now() - offeredAt,
  });
  return placed;
}

function record({ meter, subscription, connection, address, events }: Publishing, error: GatewayError): void {
  meter.refused(refusalOf(subscription, { stage: 'publish', error, events: events.length, address, protocol: connection.protocol }));
}

/** Characters of all attributes of an event, names of extensions included: as many as fit into the headers of a request. */
const mostAttributeCharacters = 16_384;

function tooLarge(api: ApiRuntime, events: readonly EventDraft[]): GatewayError | undefined {
  return tooMuchData(api, events) ?? tooManyAttributes(events);
}

/** Everything that is bounded by bytes counts data alone. */
function tooManyAttributes(events: readonly EventDraft[]): GatewayError | undefined {
  const index = events.findIndex((event) => attributeCharacters(event) > mostAttributeCharacters);
  if (index === -1) return undefined;
  const size = attributeCharacters(events[index] as EventDraft);
  return new GatewayError(
    'TOO_LARGE',
    `The attributes of event ${index} have ${size} characters, and at most ${mostAttributeCharacters} are taken; what is longer belongs into its data.`,
    { details: { index, maxAttributeCharacters: mostAttributeCharacters } },
  );
}

function attributeCharacters({ id, source, type, subject, time, datacontenttype, dataschema, extensions }: EventDraft): number {
  let size = id.length + source.length + type.length;
  for (const value of [subject, time, datacontenttype, dataschema]) size += value?.length ?? 0;
  for (const name in extensions) size += name.length + String(extensions[name]).length;
  return size;
}

function tooMuchData(api: ApiRuntime, events: readonly EventDraft[]): GatewayError | undefined {
  const { maxEventBytes } = api.resource.spec;
  const index = events.findIndex(({ data }) => data !== undefined && data.byteLength > maxEventBytes);
  if (index === -1) return undefined;
  const size = events[index]?.data?.byteLength ?? 0;
  return new GatewayError('TOO_LARGE', `Event ${index} has ${size} bytes of data; this API takes at most ${maxEventBytes} an event.`, {
    details: { index, maxEventBytes },
  });
}

function breaksContract({ api, address, events, subscription }: Publishing): GatewayError | undefined {
  const channel = api.contract.find(address);
  if (channel === undefined) return undefined;
  const violations: (Violation & { readonly index: number })[] = [];
  for (const [index, event] of events.entries()) {
    if (violations.length === maxViolations) break;
    for (const violation of api.contract.check(channel, event, subscription.context.as) ?? []) {
      if (violations.length < maxViolations) violations.push({ index, ...violation });
    }
  }
  const [first] = violations;
  if (first === undefined) return undefined;
  const where = `event ${first.index}${first.path === '' ? '' : ` at ${first.path}`}`;
  return new GatewayError('EVENT_REJECTED', `The contract refuses ${where}: ${first.sentence}`, { details: { violations } });
}

/** Violations named in one answer: a batch of broken events must not make a giant one. */
const maxViolations = 50;

function countAccepted(events: readonly EventDraft[], placed: readonly Placed[]): Map<string, { events: number; bytes: number }> {
  const byType = new Map<string, { events: number; bytes: number }>();
  for (const [index, event] of events.entries()) {
    if (placed[index]?.duplicate !== false) continue;
    const bytes = event.data?.byteLength ?? 0;
    const count = byType.get(event.type);
    if (count === undefined) byType.set(event.type, { events: 1, bytes });
    else {
      count.events += 1;
      count.bytes += bytes;
    }
  }
  return byType;
}
