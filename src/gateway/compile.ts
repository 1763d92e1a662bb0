import type { GatewayError } from '../core/errors.ts';
import type { EventDraft } from '../core/event.ts';
import type { ConnectionContext, FlushBound, LimitAnswer, LimitStatus, OutboxBound, Stages, Verdict } from '../core/policy.ts';

/** The stages of all policies of one subscription as one: only what is present is called, and what was taken is given back when a later policy refuses. */
export interface CompiledStages {
  connect(connection: ConnectionContext): Verdict;
  /** Follows every `connect` that did not refuse, once. After a change of plan: `disconnect` on the old stages, then `connect` on the new. */
  disconnect(connection: ConnectionContext): void;
  read(connection: ConnectionContext, address: string): Verdict;
  publish(connection: ConnectionContext, address: string, events: readonly EventDraft[]): Verdict;
  /** Follows every `publish` that did not refuse, once. */
  published(offered: number, accepted: number): void;
  /** Whether `allow` can ever give fewer than asked: without, a reader never leaves the fast path for a limit. */
  readonly limitsDelivery: boolean;
  /** How many of the next n events may go out now. Takes nothing. */
  allow(n: number, bytes: number): number;
  delivered(n: number, bytes: number): void;
  /** Why the last `allow` gave fewer than asked: the policy that allows least, of equals the one that lasts longest. Undefined when its window has ended meanwhile. */
  limited(): LimitAnswer | undefined;
  /** The earliest end of this connection as things stand. */
  expiry(connection: ConnectionContext): { readonly at: number; readonly error: GatewayError } | undefined;
  /** Limits that connections share move the expiry: it is to be asked again from time to time and when it has come. */
  readonly expiryMoves: boolean;
  readonly outbox: OutboxBound | undefined;
  readonly flush: FlushBound | undefined;
  status(): readonly LimitStatus[];
}

/** Puts the stages of a subscription's policies together, in their order. */
export function combineStages(list: readonly Stages[]): CompiledStages {
  const readers = present(list, 'onRead');
  const expiries = present(list, 'expiry');
  const statuses = present(list, 'status');
  return {
    ...connectStages(list),
    ...publishStages(list),
    ...deliveryStages(list),
    read: (connection, address) => {
      for (const onRead of readers) {
        const refusal = onRead(connection, address);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    },
    expiry: (connection) => {
      let first: ReturnType<CompiledStages['expiry']>;
      for (const expiry of expiries) {
        const end = expiry(connection);
        if (end !== undefined && (first === undefined || end.at < first.at)) first = end;
      }
      return first;
    },
    expiryMoves: list.some(({ expiryMoves }) => expiryMoves === true),
    outbox: present(list, 'outbox').at(-1),
    flush: present(list, 'flush').at(-1),
    status: () => statuses.flatMap((status) => status()),
  };
}

function present<K extends keyof Stages>(list: readonly Stages[], stage: K): readonly NonNullable<Stages[K]>[] {
  return list.flatMap((stages) => stages[stage] ?? []);
}

function connectStages(list: readonly Stages[]): Pick<CompiledStages, 'connect' | 'disconnect'> {
  const concerned = list.filter((stages) => stages.onConnect !== undefined || stages.onDisconnect !== undefined);
  const leave = (connection: ConnectionContext, count: number): void => {
    for (let index = count - 1; index >= 0; index--) concerned[index]?.onDisconnect?.(connection);
  };
  return {
    connect: (connection) =>
      admit(
        concerned.length,
        (index) => concerned[index]?.onConnect?.(connection),
        (count) => leave(connection, count),
      ),
    disconnect: (connection) => leave(connection, concerned.length),
  };
}

function publishStages(list: readonly Stages[]): Pick<CompiledStages, 'publish' | 'published'> {
  const concerned = list.filter((stages) => stages.onPublish !== undefined || stages.onPublished !== undefined);
  const settle = (offered: number, accepted: number, count: number): void => {
    for (let index = 0; index < count; index++) concerned[index]?.onPublished?.(offered, accepted);
  };
  return {
    publish: (connection, address, events) =>
      admit(
        concerned.length,
        (index) => concerned[index]?.onPublish?.(connection, address, events),
        (count) => settle(events.length, 0, count),
      ),
    published: (offered, accepted) => settle(offered, accepted, concerned.length),
  };
}

/** Asks each in order; on a refusal, or a bug that throws, the ones that had agreed are undone. */
function admit(length: number, ask: (index: number) => Verdict, undo: (count: number) => void): Verdict {
  let agreed = 0;
  try {
    for (; agreed < length; agreed++) {
      const refusal = ask(agreed);
      if (refusal === undefined) continue;
      undo(agreed);
      return refusal;
    }
    return undefined;
  } catch (bug) {
    undo(agreed);
    throw bug;
  }
}

function deliveryStages(list: readonly Stages[]): Pick<CompiledStages, 'limitsDelivery' | 'allow' | 'delivered' | 'limited'> {
  const limiting = list.filter((stages) => stages.onFlush !== undefined);
  const flushes = present(list, 'onFlush');
  const deliveries = present(list, 'onDelivered');
  let askedEvents = 0;
  let askedBytes = 0;
  return {
    limitsDelivery: flushes.length > 0,
    allow: (n, bytes) => {
      let allowed = n;
      for (let index = 0; index < flushes.length; index++) {
        const given = (flushes[index] as NonNullable<Stages['onFlush']>)(n, bytes);
        if (given < allowed) allowed = given;
      }
      if (allowed < n) {
        askedEvents = n;
        askedBytes = bytes;
      }
      return allowed;
    },
    delivered: (n, bytes) => {
      for (let index = 0; index < deliveries.length; index++) (deliveries[index] as NonNullable<Stages['onDelivered']>)(n, bytes);
    },
    limited: () => tightest(limiting, askedEvents, askedBytes),
  };
}

function tightest(limiting: readonly Stages[], n: number, bytes: number): LimitAnswer | undefined {
  let least = n;
  let answer: LimitAnswer | undefined;
  for (const stages of limiting) {
    const allowed = stages.onFlush?.(n, bytes) ?? n;
    if (allowed >= n || allowed > least) continue;
    const candidate = stages.onLimit?.();
    if (candidate === undefined) continue;
    if (answer === undefined || allowed < least || candidate.until > answer.until) answer = candidate;
    least = allowed;
  }
  return answer;
}
