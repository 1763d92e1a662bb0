import type { Clock } from '../core/clock.ts';
import type { Database } from '../store/database.ts';
import { connections } from './analytics-connections.ts';
import { accepted, errors, limitCodes } from './analytics-errors.ts';
import { latency } from './analytics-latency.ts';
import { messages } from './analytics-messages.ts';
import { rate } from './analytics-rate.ts';
import type { HealthTimeline } from './health-timeline.ts';
import type { AnalyticsMetric, AnalyticsQuery, Insights, ReaderQuery, UsageQuery } from './insights.ts';
import type { Ledger } from './ledger.ts';
import type { ComparePositions } from './lineage.ts';
import type { CountOf } from './log-count.ts';
import { ReaderLag, type LagOf } from './reader-lag.ts';
import { listReaders, oneReader, type ReaderListParts } from './reader-list.ts';
import type { ReaderStatus } from './reader-status.ts';
import { usageReport } from './usage-report.ts';
import { scopeOf, type Scope } from './usage-scope.ts';
import { verifyCounts } from './verify-counts.ts';
import { verifyRanges } from './verify-ranges.ts';

export interface InsightsParts {
  readonly ledger: Ledger;
  readonly database: Database;
  readonly clock: Clock;
  readonly compare: ComparePositions;
  readonly lagOf: LagOf;
  /** Without it, ranges are not compared with the log. */
  readonly countOf?: CountOf | undefined;
  readonly health: HealthTimeline;
}

const noRefusalsByReader = {
  items: [],
  sentence:
    'Refusals are kept by channel, subscription, application and API, because most are made before there is a reader; ask by one of those.',
};

/** Answers from the ledger's own rows, written before each question, so that what is shown is what is billed. */
export class LedgerInsights implements Insights {
  readonly #parts: InsightsParts;
  readonly #readers: ReaderListParts;

  constructor(parts: InsightsParts) {
    this.#parts = parts;
    this.#readers = { ledger: parts.ledger, database: parts.database, clock: parts.clock, lag: new ReaderLag(parts.lagOf) };
  }

  async analytics(tenant: string, metric: AnalyticsMetric, query: AnalyticsQuery): Promise<Record<string, unknown>> {
    await this.#settle();
    const now = this.#parts.clock.now();
    const answer = await this.#answer(tenant, metric, query, now);
    return { metric, by: query.by, ...(query.id === undefined ? {} : { id: query.id }), at: now, ...answer };
  }

  async usage(tenant: string, query: UsageQuery): Promise<Record<string, unknown>> {
    await this.#settle();
    return usageReport(this.#parts.database, tenant, query);
  }

  async verify(tenant: string): Promise<Record<string, unknown>> {
    await this.#settle();
    const { database, compare, countOf } = this.#parts;
    const tiling = await verifyRanges(database, compare, tenant);
    const counts = countOf === undefined ? { compared: 0, losses: [], overcharges: [] } : await verifyCounts(database, countOf, tenant);
    return { ...tiling, ...counts, ok: tiling['ok'] === true && counts.losses.length === 0 && counts.overcharges.length === 0 };
  }

  async readers(tenant: string, query: ReaderQuery): Promise<{ readonly items: readonly ReaderStatus[]; readonly next: string | null }> {
    await this.#settle();
    return listReaders(this.#readers, tenant, query);
  }

  async reader(tenant: string, id: string): Promise<ReaderStatus | undefined> {
    await this.#settle();
    return oneReader(this.#readers, tenant, id);
  }

  forget(tenant: string, id: string): Promise<boolean> {
    return this.#parts.ledger.forget(tenant, id);
  }

  async refusals(tenant: string, subscription: string, limit: number): Promise<readonly Record<string, unknown>[]> {
    await this.#settle();
    const rows = await this.#parts.database.query(
      `SELECT at, last_at AS lastAt, count, stage, code, reason, sentence, protocol, api, plan, application, address, events, retry_after AS retryAfter
       FROM refusal WHERE tenant = ? AND subscription = ? ORDER BY at DESC, part DESC, n DESC LIMIT ?`,
      [tenant, subscription, Math.max(1, Math.min(limit, 1000))],
    );
    return rows;
  }

  lastUsed(credential: string): number | undefined {
    return this.#parts.ledger.credentials.lastUsed(credential);
  }

  async #answer(tenant: string, metric: AnalyticsMetric, query: AnalyticsQuery, now: number): Promise<Record<string, unknown>> {
    const { database, ledger, health } = this.#parts;
    const scope = scopeOf(tenant, query, now);
    const span = { from: scope.from, to: scope.to };
    switch (metric) {
      case 'messages':
        return { ...span, items: await messages(database, scope, query.by === 'reader') };
      case 'rate':
        return { ...(await rate(database, ledger.board, tenant, query, now)), overflow: ledger.board.overflow };
      case 'errors':
        return { ...span, ...(await this.#errors(query, scope)) };
      case 'limits':
        return { ...span, ...(query.by === 'reader' ? noRefusalsByReader : { items: await errors(database, scope, limitCodes) }) };
      case 'latency':
        return latency(database, ledger.latencies, tenant, query, now);
      case 'lag':
        return { items: await this.#lag(tenant, query) };
      case 'connections':
        return { ...span, items: await connections(database, ledger.connections, tenant, query, scope) };
      case 'backbones':
        return { items: health.report() };
    }
  }

  /** With the share of events offered that were refused at publishing. */
  async #errors(query: AnalyticsQuery, scope: Scope): Promise<Record<string, unknown>> {
    if (query.by === 'reader') return noRefusalsByReader;
    const offered = await accepted(this.#parts.database, scope);
    const items = (await errors(this.#parts.database, scope)).map((item) => {
      const taken = offered.get(item.id) ?? 0;
      const refused = item.byStage['publish']?.events ?? 0;
      return { ...item, accepted: taken, publishErrorShare: taken + refused === 0 ? 0 : refused / (taken + refused) };
    });
    return { items };
  }

  async #lag(tenant: string, query: AnalyticsQuery): Promise<readonly Record<string, unknown>[]> {
    const { items } = await listReaders(this.#readers, tenant, {
      limit: 1000,
      ...(query.id !== undefined && (query.by === 'subscription' || query.by === 'application' || query.by === 'api')
        ? { [query.by]: query.id }
        : {}),
    });
    const sums = new Map<string, { id: string; events: number; age: number; readers: number; lost: number }>();
    for (const reader of items) {
      // A closed connection that nobody resumed yet is not behind: nobody is waiting.
      if (reader.state === 'closed' && reader.name === null) continue;
      const id = query.by === 'reader' ? reader.id : query.by === 'channel' ? `${reader.api}/${reader.address}` : reader[query.by];
      if (query.id !== undefined && query.id !== id) continue;
      let sum = sums.get(id);
      if (sum === undefined) sums.set(id, (sum = { id, events: 0, age: 0, readers: 0, lost: 0 }));
      sum.readers += 1;
      sum.lost += reader.lag === null ? 1 : 0;
      sum.events += reader.lag?.events ?? 0;
      sum.age = Math.max(sum.age, reader.lag?.age ?? 0);
    }
    return [...sums.values()].sort((a, b) => b.age - a.age);
  }

  /** Questions are answered from what is on disk even while the store takes nothing new. */
  async #settle(): Promise<void> {
    this.#parts.ledger.sample();
    await this.#parts.ledger.flush().catch(() => undefined);
  }
}
