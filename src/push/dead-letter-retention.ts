import type { Position } from '../core/position.ts';
import type { Database, SqlValue } from '../store/database.ts';
import type { Resource } from '../store/resources.ts';
import { firstBytes, passedLetters } from './passed-letters.ts';
import { Rounds, type RoundsParts } from './rounds.ts';

type Endpoint = Resource<'endpoint'>;

export interface DeadLetterRetentionParts extends RoundsParts {
  /** Has the tables of deliveries and those of the ledger. */
  readonly database: Database;
  readonly endpoints: () => readonly Endpoint[];
  /** Orders positions of one log; throws BAD_REQUEST for those of two. */
  readonly compare: (a: Position, b: Position) => number;
  /** Milliseconds for which a dead letter is kept where its endpoint does not say a shorter time; default `deadLettersKept.usually`. */
  readonly keptFor?: number | undefined;
  /** Whether nothing is sent to an endpoint until somebody says so. */
  readonly isHeld: (endpoint: Endpoint) => boolean;
  /** Milliseconds for which is kept, from when it was due, what an endpoint that is held owes; default `keptFor`, and `deadLettersKept.usually` at least. */
  readonly owedFor?: number | undefined;
  /** Some of an endpoint are gone. */
  readonly onDropped: (endpoint: Endpoint, letters: number) => void;
}

const day = 86_400_000;

/** For how many milliseconds dead letters are kept where nobody says otherwise, and what may be said. */
export const deadLettersKept = { usually: 30 * day, least: 60_000, most: 366 * day } as const;

/** Endpoints looked at in one round. */
const endpointsAtOnce = 500;
/** Dead letters dropped in one round. */
const rowsAtOnce = 1000;

/** What is compared with, as SQL. */
interface Times {
  /** What died before this is kept no longer. */
  readonly before: string;
  /** Jobs that were asked for by then protect nothing any more. */
  readonly asked: string;
  /** So long after it died what a job means is protected by it. */
  readonly within: string;
}

/**
 * Dead longer than is kept, and not meant by a job that is to send dead letters again. A job protects what had time left when it was
 * asked for, and only for the operator's time: neither one that never gets on nor ever new ones are a way around that.
 */
const expired = ({ before, asked, within }: Times): string => `state = 'dead' AND changed_at < ${before} AND NOT EXISTS (
  SELECT 1 FROM push_replay AS job
  WHERE job.endpoint = push_delivery.endpoint AND job.kind = 'dead' AND job.state IN ('waiting', 'running') AND job.before > push_delivery.changed_at
    AND job.created_at > ${asked} AND job.created_at - push_delivery.changed_at <= ${within})`;

/** Owed by an endpoint that is held, and due since before then: else it would be kept for ever. */
const overdue = (before: string): string => `state = 'waiting' AND due_at < ${before}`;

/** Rows of one endpoint that go, as SQL with its parameters. */
interface Going {
  readonly where: string;
  readonly times: readonly number[];
}

/** Milliseconds for which dead letters of an endpoint are kept, whatever it says itself, where the operator keeps any for `longest`. */
export function deadLettersKeptFor({ spec }: Endpoint, longest: number = deadLettersKept.usually): number {
  return Math.min(longest, spec.keepDeadLetters ?? longest);
}

/**
 * Drops dead letters when they have been kept long enough, a bounded part in each round, and what an endpoint owes that has been held for
 * too long. One that its reader's cursor has not passed stays until it has.
 */
export class DeadLetterRetention {
  readonly #parts: DeadLetterRetentionParts;
  readonly #rounds: Rounds;
  /** Still to be looked at before all are looked at anew. */
  #waiting: readonly Endpoint[] = [];

  constructor(parts: DeadLetterRetentionParts) {
    this.#parts = parts;
    this.#rounds = new Rounds(parts, () => this.round());
  }

  async close(): Promise<void> {
    await this.#rounds.close();
  }

  /** True when there are endpoints that were not looked at, or have more than one round may drop. */
  async round(): Promise<boolean> {
    if (this.#waiting.length === 0) this.#waiting = this.#parts.endpoints();
    const left: Endpoint[] = [];
    let room = rowsAtOnce;
    for (const endpoint of await this.#withExpired(this.#waiting.slice(0, endpointsAtOnce))) {
      let isLeft = false;
      for (const going of this.#goingOf(endpoint)) {
        const { dropped, isMore } = room > 0 ? await this.#drop(endpoint, going, room) : { dropped: 0, isMore: true };
        room -= dropped;
        isLeft ||= isMore;
      }
      if (isLeft) left.push(endpoint);
    }
    this.#waiting = [...left, ...this.#waiting.slice(endpointsAtOnce)];
    return this.#waiting.length > 0;
  }

  /** Parameters of `expired`, in their order. */
  #times(endpoint: Endpoint): readonly [before: number, asked: number, within: number] {
    const { clock, keptFor = deadLettersKept.usually } = this.#parts;
    const now = clock.now();
    return [now - deadLettersKeptFor(endpoint, keptFor), now - keptFor, keptFor];
  }

  #goingOf(endpoint: Endpoint): readonly Going[] {
    const times = this.#times(endpoint);
    const dead: Going = { where: expired({ before: '?', asked: '?', within: '?' }), times };
    return this.#parts.isHeld(endpoint) ? [dead, { where: overdue('?'), times: [this.#owedBefore] }] : [dead];
  }

  /** Who is paused for a while loses nothing by keeping dead letters for a short time. */
  get #owedBefore(): number {
    const { clock, keptFor = 0, owedFor = Math.max(keptFor, deadLettersKept.usually) } = this.#parts;
    return clock.now() - owedFor;
  }

  async #withExpired(endpoints: readonly Endpoint[]): Promise<readonly Endpoint[]> {
    const { isHeld } = this.#parts;
    const isExpired = expired({ before: 'value ->> 1', asked: 'value ->> 2', within: 'value ->> 3' });
    const rows = await this.#parts.database.query(
      `SELECT value ->> 0 AS endpoint FROM json_each(?)
       WHERE EXISTS (SELECT 1 FROM push_delivery WHERE endpoint = value ->> 0 AND ${isExpired})
       OR EXISTS (SELECT 1 FROM push_delivery WHERE endpoint = value ->> 0 AND ${overdue('value ->> 4')})`,
      [JSON.stringify(endpoints.map((endpoint) => [endpoint.id, ...this.#times(endpoint), isHeld(endpoint) ? this.#owedBefore : 0]))],
    );
    const found = new Set(rows.map(({ endpoint }) => endpoint));
    return endpoints.filter(({ id }) => found.has(id));
  }

  async #drop(
    endpoint: Endpoint,
    { where: goes, times }: Going,
    limit: number,
  ): Promise<{ readonly dropped: number; readonly isMore: boolean }> {
    const { database, onDropped, clock } = this.#parts;
    const { id } = endpoint;
    const rows = await database.query(
      `SELECT rowid AS row, position, length(event) AS bytes FROM push_delivery WHERE endpoint = ? AND ${goes} ORDER BY changed_at LIMIT ?`,
      [id, ...times, limit],
    );
    const passed = await passedLetters(this.#parts, endpoint, rows);
    const chosen = firstBytes(passed);
    if (chosen.length === 0) return { dropped: 0, isMore: false };
    // Looked at again where it is dropped: somebody may have sent it again meanwhile.
    const where = `endpoint = ? AND ${goes} AND rowid IN (SELECT value FROM json_each(?))`;
    const which: readonly SqlValue[] = [id, ...times, JSON.stringify(chosen.map(({ row }) => row))];
    const [, deleted] = await database.transact([
      {
        sql: `INSERT INTO push_dropped (endpoint, letters, at) SELECT endpoint, count(*), ? FROM push_delivery WHERE ${where} GROUP BY endpoint
              ON CONFLICT (endpoint) DO UPDATE SET letters = letters + excluded.letters, at = excluded.at`,
        parameters: [clock.now(), ...which],
      },
      { sql: `DELETE FROM push_delivery WHERE ${where}`, parameters: which },
    ]);
    const dropped = deleted?.changes ?? 0;
    if (dropped > 0) onDropped(endpoint, dropped);
    return { dropped, isMore: rows.length === limit || chosen.length < passed.length };
  }
}
