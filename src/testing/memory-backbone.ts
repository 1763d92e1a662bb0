import { matchesAddress } from '../core/address.ts';
import type { Backbone, Channel, Consumer, Health, Lag, Placed, ReadRequest, ReadResult, Receive } from '../core/backbone.ts';
import { GatewayError } from '../core/errors.ts';
import { Event, type EventDraft } from '../core/event.ts';
import type { Position, StartFrom } from '../core/position.ts';

const epoch = 'memory';

interface Watcher {
  readonly channel: Channel;
  readonly receive: Receive;
}

/** A backbone in memory whose every answer takes a turn of the loop: for tests that try many interleavings fast. */
export class MemoryBackbone implements Backbone {
  readonly kind = 'memory';
  readonly capabilities = { ordering: 'channel', replay: true, acknowledge: 'position' } as const;
  readonly #events: { readonly log: string; readonly event: Event }[] = [];
  readonly #watchers = new Set<Watcher>();
  #oldest = 0;

  async prepare(): Promise<void> {
    await turn();
  }

  async publish(channel: Channel, drafts: readonly EventDraft[]): Promise<readonly Placed[]> {
    await turn();
    const events = drafts.map((draft) => this.#append(channel, draft));
    for (const watcher of this.#watchers) {
      if (watcher.channel.log !== channel.log || !matchesAddress(watcher.channel.address, channel.address)) continue;
      const last = events.at(-1);
      if (last !== undefined) void watcher.receive(events, last.position);
    }
    return events.map(({ position }) => ({ position, duplicate: false }));
  }

  async read({ channel, after, until, limit }: ReadRequest): Promise<ReadResult> {
    await turn();
    const from = this.#place(after);
    if (from < this.#oldest) {
      throw new GatewayError('POSITION_LOST', 'Retention has passed this position.', { details: { oldest: positionAt(this.#oldest) } });
    }
    const end = until === undefined ? this.#events.length : this.#place(until);
    const found: Event[] = [];
    for (let index = from; index < end; index += 1) {
      const { log, event } = this.#events[index] as { log: string; event: Event };
      if (log !== channel.log || !matchesAddress(channel.address, event.address)) continue;
      found.push(event);
      if (found.length === limit) return { events: found, position: event.position };
    }
    return { events: found, position: end > from ? positionAt(end) : after };
  }

  async locate(channel: Channel, from: StartFrom): Promise<Position> {
    await turn();
    if (from.at === 'earliest') return positionAt(this.#oldest);
    if (from.at === 'latest') return positionAt(this.#events.length);
    if (from.at === 'position') return positionAt(this.#place(from.position as Position));
    if (from.at === 'newest') {
      const newest = this.#events.findLastIndex(({ log, event }) => log === channel.log && matchesAddress(channel.address, event.address));
      return positionAt(newest === -1 ? this.#events.length : newest);
    }
    const index = this.#events.findIndex(({ event }) => event.acceptedAt >= from.time);
    return positionAt(index === -1 ? this.#events.length : index);
  }

  compare(a: Position, b: Position): number {
    return this.#place(a) - this.#place(b);
  }

  async lag(channel: Channel, position: Position, counts: (address: string) => boolean = () => true): Promise<Lag> {
    const found = await this.read({ channel, after: position, limit: Number.MAX_SAFE_INTEGER });
    const events = found.events.filter(({ address }) => counts(address));
    return { events: events.length, oldest: events[0]?.acceptedAt };
  }

  async consume(channel: Channel, receive: Receive): Promise<Consumer> {
    await turn();
    const watcher = { channel, receive };
    this.#watchers.add(watcher);
    const close = async (): Promise<void> => {
      this.#watchers.delete(watcher);
    };
    return { position: positionAt(this.#events.length), close };
  }

  async check(): Promise<Health> {
    return { state: 'up', latency: 0, since: 0 };
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }

  /** Retention: forgets the oldest events up to this many in all. */
  forget(count: number): void {
    this.#oldest = Math.min(this.#events.length, Math.max(this.#oldest, count));
  }

  #append(channel: Channel, draft: EventDraft): Event {
    const event = new Event(draft, channel.address, positionAt(this.#events.length + 1), Date.now());
    this.#events.push({ log: channel.log, event });
    return event;
  }

  #place(position: Position): number {
    const match = /^memory-(\d{1,15})$/.exec(position);
    if (match === null) throw new GatewayError('BAD_REQUEST', `${position} is not a position of this backbone.`);
    return Number(match[1]);
  }
}

function positionAt(seq: number): Position {
  return `${epoch}-${seq}` as Position;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
