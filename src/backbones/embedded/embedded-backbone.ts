import type {
  Backbone,
  BackboneCapabilities,
  Channel,
  Consumer,
  Health,
  Lag,
  LogPolicy,
  Placed,
  ReadRequest,
  ReadResult,
  Receive,
} from '../../core/backbone.ts';
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import type { EventDraft } from '../../core/event.ts';
import type { Position, StartFrom } from '../../core/position.ts';
import type { Database } from '../../store/database.ts';
import { Appender } from './appender.ts';
import { closed, toBackboneError } from './backbone-error.ts';
import { HealthRecord } from './health.ts';
import { LiveConsumer } from './live-consumer.ts';
import type { Log } from './log.ts';
import { LogReader } from './log-reader.ts';
import { LogTable } from './log-table.ts';
import { parsePosition } from './position-text.ts';
import { Retention } from './retention.ts';

interface EmbeddedParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onWarning: (sentence: string, cause: unknown) => void;
  readonly maxPendingBytes: number;
  readonly maxDedupEntries: number;
  readonly retentionInterval: number;
}

/** The embedded log as the core sees it: appends through one writer, reads from disk, live events from memory. */
export class EmbeddedBackbone implements Backbone {
  readonly kind = 'embedded';
  readonly capabilities: BackboneCapabilities = { ordering: 'channel', replay: true, acknowledge: 'position' };
  readonly #parts: EmbeddedParts;
  readonly #logs: LogTable;
  readonly #reader: LogReader;
  readonly #appender: Appender;
  readonly #retention: Retention;
  readonly #health: HealthRecord;
  #closed: Promise<void> | undefined;
  #eventsRead = 0;

  constructor(parts: EmbeddedParts) {
    const { database, clock } = parts;
    this.#parts = parts;
    this.#health = new HealthRecord(clock);
    this.#reader = new LogReader(database);
    this.#logs = new LogTable({ ...parts, reader: this.#reader });
    this.#retention = new Retention({
      database,
      clock,
      interval: parts.retentionInterval,
      logs: () => this.#logs.all(),
      onFailure: (error) => parts.onWarning('Old events could not be deleted; this is tried again at the next look.', error),
    });
    this.#appender = new Appender({
      database,
      clock,
      maxPendingBytes: parts.maxPendingBytes,
      eventAt: (log, seq) => this.#reader.eventAt(log, seq),
      resync: (log) => this.#logs.resync(log),
      onOutcome: (error) => this.#health.committed(error?.message),
      onGrowth: (log) => void this.#retention.sweep(log),
    });
  }

  /** Events read back from its logs since the start. */
  get eventsRead(): number {
    return this.#eventsRead;
  }

  async prepare(log: string, policy: LogPolicy): Promise<void> {
    if (this.#closed !== undefined) throw closed();
    try {
      const prepared = await this.#logs.prepare(log, policy);
      void this.#retention.sweep(prepared);
    } catch (error) {
      throw toBackboneError(error);
    }
  }

  publish(channel: Channel, events: readonly EventDraft[], publisher?: object): Promise<readonly Placed[]> {
    const log = this.#logs.get(channel.log);
    if (log === undefined) return Promise.reject(unknownLog(channel));
    return this.#appender.publish(log, channel.address, events, publisher);
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    const log = this.#log(request.channel);
    const { address } = request.channel;
    const after = log.seqAfter(address, request.after);
    const until = request.until === undefined ? log.head : log.seqOf(request.until);
    const limit = Math.max(1, request.limit);
    try {
      const result = await this.#reader.read(log, { address, after, until, limit, maxBytes: request.maxBytes ?? Infinity });
      this.#eventsRead += result.events.length;
      // Retention may have passed by while the rows were read: then there is a gap in them.
      log.seqAfter(address, request.after);
      return result;
    } catch (error) {
      throw toBackboneError(error);
    }
  }

  async locate(channel: Channel, from: StartFrom): Promise<Position> {
    const log = this.#log(channel);
    if (from.at === 'earliest') return log.position(log.oldest - 1);
    if (from.at === 'latest') return log.position(log.head);
    if (from.at === 'position') return log.position(log.seqAfter(channel.address, from.position));
    try {
      if (from.at === 'newest') return log.position((await this.#reader.beforeNewest(log, channel.address)) ?? log.head);
      const seq = await this.#reader.before(log, from.time);
      return log.position(Math.max(seq, log.oldest - 1));
    } catch (error) {
      throw toBackboneError(error);
    }
  }

  compare(a: Position, b: Position): number {
    const first = parsePosition(a);
    const second = parsePosition(b);
    if (first.epoch !== second.epoch)
      throw new GatewayError('BAD_REQUEST', 'Two positions of different logs have no order. Compare positions of one channel only.');
    return first.seq - second.seq;
  }

  async lag(channel: Channel, position: Position, counts?: (address: string) => boolean): Promise<Lag> {
    const log = this.#log(channel);
    const after = log.seqAfter(channel.address, position);
    try {
      return await this.#reader.lag(log, channel.address, after, counts);
    } catch (error) {
      throw toBackboneError(error);
    }
  }

  async consume(channel: Channel, receive: Receive): Promise<Consumer> {
    if (this.#closed !== undefined) throw closed();
    const log = this.#log(channel);
    const consumer = new LiveConsumer(channel.address, log.position(log.head), receive, {
      read: (after, limit) => this.read({ channel, after, limit, maxBytes: 1024 * 1024 }),
      isHead: (position) => position === log.position(log.head),
      onClose: (closing) => log.remove(closing),
      onFailure: (error) => this.#parts.onWarning(`A consumer of ${channel.log} failed and was closed.`, error),
    });
    log.add(consumer);
    return consumer;
  }

  async check(signal: AbortSignal): Promise<Health> {
    const started = performance.now();
    const probe = this.#parts.database.transact([
      {
        sql: 'INSERT INTO embedded_probe (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at',
        parameters: [this.#parts.clock.now()],
      },
    ]);
    try {
      await untilAborted(probe, signal);
      return this.#health.answered(performance.now() - started);
    } catch (error) {
      return this.#health.failed(error instanceof Error ? error.message : String(error));
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#appender.close();
    await this.#retention.close();
    for (const log of this.#logs.all()) for (const consumer of log.consumers()) await consumer.close();
  }

  #log(channel: Channel): Log {
    const log = this.#logs.get(channel.log);
    if (log === undefined) throw unknownLog(channel);
    return log;
  }
}

function unknownLog(channel: Channel): GatewayError {
  return new GatewayError('BAD_REQUEST', `There is no log "${channel.log}" here; it has to be prepared before it is used.`);
}

/** Rejects when the signal aborts first; the probe itself goes on and nobody waits for it. */
async function untilAborted(probe: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('The probe was not answered in time; the disk is stuck or very busy.'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  probe.catch(() => undefined);
  try {
    await Promise.race([probe, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
