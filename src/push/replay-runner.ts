import type { Clock } from '../core/clock.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Database } from '../store/database.ts';
import type { Resource } from '../store/resources.ts';
import type { PushReading } from './courier-parts.ts';
import type { Courier } from './courier.ts';
import { rangeSource } from './event-source.ts';
import { loadDeliveries, loadOwedEvents, type SavedDeliveries } from './load-endpoint.ts';
import type { PushBook } from './push-book.ts';
import type { PushTarget } from './push-target.ts';
import type { Replay, ReplayLog } from './replay-log.ts';
import { ReplayRun } from './replay-run.ts';
import { SlowStart } from './slow-start.ts';
import { wantedTypes } from './wanted-types.ts';

/** A reading of a replay's own, under a name that no client can take. */
export interface ReplayReading extends PushReading {
  readonly release: () => void;
}

export interface ReplayRunnerParts {
  readonly replays: ReplayLog;
  readonly database: Database;
  readonly book: PushBook;
  readonly clock: Clock;
  /** Resolves when everything in the books is on disk. */
  readonly flush: () => Promise<void>;
  /** Rejects with POSITION_LOST where the log has let go of its place. */
  readonly openReplay: (endpoint: Resource<'endpoint'>, replay: Replay) => Promise<ReplayReading>;
  /** Gives up the name of a reader that is needed no more; its usage stays. */
  readonly forgetReader: (reader: string) => Promise<void>;
  /** There is something to do for `sync`. */
  readonly onChange: () => void;
  readonly onBug: (error: unknown) => void;
  /** How a replay begins, where that is not the usual: gently. */
  readonly paceOf?: (target: PushTarget) => SlowStart;
}

/** An endpoint that is delivered to. */
export interface Delivered {
  readonly endpoint: Resource<'endpoint'>;
  readonly target: PushTarget;
  readonly courier: Courier;
}

interface Active {
  readonly replay: Replay;
  readonly courier: Courier;
  readonly reading: ReplayReading;
  readonly run: ReplayRun;
  /** How it ended. */
  over: 'done' | GatewayError | undefined;
}

/** Gives each endpoint that is delivered to the oldest of its replays, one at a time, and sees each to its end, over restarts as well. */
export class ReplayRunner {
  readonly #parts: ReplayRunnerParts;
  /** By endpoint. */
  readonly #active = new Map<string, Active>();
  /** Endpoints with replays that were not over when they were last looked at. */
  #concerned: ReadonlySet<string> = new Set();

  constructor(parts: ReplayRunnerParts) {
    this.#parts = parts;
  }

  /** Whether it matters to a replay what becomes of this endpoint. */
  concerns(endpoint: string): boolean {
    return this.#active.has(endpoint) || this.#concerned.has(endpoint);
  }

  /** True: something could not be begun and is to be tried again later. Called by one at a time. */
  async sync(delivered: ReadonlyMap<string, Delivered>): Promise<boolean> {
    const { replays, clock, onBug } = this.#parts;
    const failing = new Set<string>();
    for (const [endpoint, active] of this.#active) {
      const { courier, over, replay } = active;
      if (delivered.get(endpoint)?.courier !== courier) this.#drop(endpoint, active);
      else if (over !== undefined && !(await this.#finish(endpoint, active, over))) failing.add(replay.id);
    }
    const unfinished = await replays.unfinished('range', clock.now(), onBug);
    this.#concerned = new Set(unfinished.map(({ endpoint }) => endpoint));
    const wanted = new Set(unfinished.map(({ id }) => id));
    for (const [endpoint, active] of this.#active) if (!wanted.has(active.replay.id)) await this.#stop(endpoint, active);
    await this.#clearLeftovers();
    let isBlocked = failing.size > 0;
    for (const replay of unfinished) {
      const to = delivered.get(replay.endpoint);
      if (to === undefined || this.#active.has(replay.endpoint) || failing.has(replay.id)) continue;
      if (!(await this.#begin(replay, to))) isBlocked = true;
    }
    return isBlocked;
  }

  /** All couriers have stopped. */
  close(): void {
    for (const [endpoint, active] of this.#active) this.#drop(endpoint, active);
  }

  async #clearLeftovers(): Promise<void> {
    const { replays, forgetReader, book } = this.#parts;
    for (const leftover of await replays.leftovers()) {
      await forgetReader(leftover.reader);
      await replays.clear(leftover);
      book.forget(leftover.id);
    }
  }

  /** Its courier has stopped it; whoever comes next goes on with it. */
  #drop(endpoint: string, { reading }: Active): void {
    this.#active.delete(endpoint);
    reading.release();
  }

  /** False: it is to be tried again. */
  async #finish(endpoint: string, active: Active, over: 'done' | GatewayError): Promise<boolean> {
    const { replays, clock } = this.#parts;
    await this.#stop(endpoint, active);
    const isOver = over === 'done' || isFinal(over);
    const state = over === 'done' ? 'done' : isOver ? 'failed' : 'waiting';
    await replays.move(active.replay.id, state, clock.now(), over === 'done' ? undefined : reasonOf(over));
    return isOver;
  }

  async #stop(endpoint: string, { courier, reading }: Active): Promise<void> {
    this.#active.delete(endpoint);
    await courier.endReplay();
    reading.release();
    await this.#parts.flush();
  }

  /** False: it is to be tried again. */
  async #begin(replay: Replay, to: Delivered): Promise<boolean> {
    const { endpoint, courier } = to;
    const { replays, clock, onBug } = this.#parts;
    try {
      if (replay.address !== endpoint.spec.address) throw otherAddress(replay, endpoint.spec.address);
      const active = await this.#open(replay, to);
      let isBegun = false;
      try {
        await replays.began(replay.id, active.run.stream.reader, clock.now());
        isBegun = courier.beginReplay(active.run);
      } finally {
        if (isBegun) this.#active.set(endpoint.id, active);
        else await active.run.stop().then(active.reading.release);
      }
      return true;
    } catch (cause) {
      const error = toGatewayError(cause);
      if (error.code === 'INTERNAL') onBug(cause);
      await replays.move(replay.id, isFinal(error) ? 'failed' : 'waiting', clock.now(), reasonOf(error));
      return isFinal(error);
    }
  }

  async #open(replay: Replay, { endpoint, target, courier }: Delivered): Promise<Active> {
    const saved = await loadDeliveries(this.#parts.database, replay.id);
    const reading = await this.#parts.openReplay(endpoint, replay);
    try {
      return this.#make(replay, { target, courier }, reading, saved);
    } catch (error) {
      reading.account.close();
      reading.release();
      throw error;
    }
  }

  /** Throws where what is saved is damaged. */
  #make(replay: Replay, { target, courier }: Omit<Delivered, 'endpoint'>, reading: ReplayReading, saved: SavedDeliveries): Active {
    const { database, book, clock, onChange, onBug, paceOf = (to) => gently(clock, to) } = this.#parts;
    const { id, until, types } = replay;
    const { backbone, account, sight } = reading;
    const wantsType = wantedTypes(types);
    const over = (how: 'done' | GatewayError): void => {
      active.over ??= how;
      onChange();
    };
    const run = new ReplayRun({
      id,
      target,
      sight,
      wants: (event) => wantsType(event.type) && target.wants(event),
      source: rangeSource(reading, until),
      backbone,
      account,
      saved,
      book,
      now: () => clock.now(),
      loadEvents: (positions) => loadOwedEvents(database, id, positions, onBug),
      mayRead: () => courier.isSentTo,
      onLost: (error) => over(toGatewayError(error)),
      until,
      progress: replay,
      slowStart: paceOf(target),
      onDone: () => over('done'),
    });
    const active: Active = { replay, courier, reading, run, over: undefined };
    return active;
  }
}

/** Whoever is replayed to may just have recovered. */
function gently(clock: Clock, { perSecond }: PushTarget): SlowStart {
  const slowStart = new SlowStart(clock, perSecond);
  slowStart.begin();
  return slowStart;
}

/** Whether trying again is of no use. */
function isFinal({ code }: GatewayError): boolean {
  return code === 'POSITION_LOST' || code === 'CONFLICT' || code === 'BAD_REQUEST';
}

function reasonOf({ code, message }: GatewayError): Replay['reason'] {
  return { code, sentence: message };
}

function otherAddress({ address }: Replay, now: string): GatewayError {
  return new GatewayError(
    'CONFLICT',
    `The replay was asked for when the endpoint read ${address}; now it reads ${now}. Ask for another one.`,
  );
}
