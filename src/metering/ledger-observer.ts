import type { PublishRecord, RefusalRecord } from '../core/meter.ts';
import { limitCodes } from './analytics-errors.ts';
import { decision, type Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Ledger } from './ledger.ts';
import type { RateSource } from './rate-source.ts';
import type { UsageObserver } from './usage-observer.ts';

/** Writes what the ledger records to the log and to the metrics. */
export function observeUsage(log: Log | undefined, metrics: Metrics | undefined): UsageObserver {
  let isFailing = false;
  return {
    counted: (source, events, bytes) => countEvents(metrics, source, events, bytes),
    published: (record) => countDuplicates(metrics, record),
    refused: (record) => countRefusal(metrics, record),
    decided: (record) => writeDecision(log, record, undefined),
    repeated: (record, count) => writeDecision(log, record, count),
    committed: (error) => {
      if (metrics !== undefined) metrics.counter('ledgerCommits', error === undefined ? 'ok' : 'failed').value += 1;
      if (error !== undefined && !isFailing)
        log?.error({ error }, 'the store does not take the usage ledger; it is kept in memory and tried again');
      if (error === undefined && isFailing) log?.info('the store takes the usage ledger again');
      isFailing = error !== undefined;
    },
  };
}

/** Shows the state of the ledger at each scrape. */
export function exportLedger(metrics: Metrics, ledger: Ledger, now: () => number): void {
  metrics.beforeScrape(() => ledger.sample());
  metrics.beforeScrape(() => {
    metrics.counter('refusalsForgone').value = ledger.refusalsForgone;
    metrics.counter('seriesOverflow').value = ledger.board.overflow;
  });
  metrics.histogram('publishDuration', () => ledger.latencies.distributions('published'));
  metrics.histogram('deliveryLatency', () => ledger.latencies.distributions('delivered'));
  metrics.gauge('ledgerFailing', () => [{ labels: [], value: ledger.failure === undefined ? 0 : (now() - ledger.failure.since) / 1000 }]);
  metrics.gauge('ledgerResumable', () => [{ labels: [], value: ledger.readers.resumable }]);
  metrics.gauge('connections', () =>
    sums(ledger.connections.current(), ({ subscription, protocol, open }) => [[subscription.api, protocol], open]),
  );
  metrics.gauge('readers', () => sums(ledger.readers.live.values(), ({ lineage }) => [[lineage.subjects.api, lineage.state], 1]));
}

function countEvents(metrics: Metrics | undefined, source: RateSource, events: number, bytes: number): void {
  if (metrics === undefined) return;
  const labels = [source.subjects.api, source.plan ?? '', source.protocol];
  const isDelivery = source.measure === 'delivered';
  metrics.counter(isDelivery ? 'delivered' : 'published', ...labels).value += events;
  metrics.counter(isDelivery ? 'deliveredBytes' : 'publishedBytes', ...labels).value += bytes;
}

function countDuplicates(metrics: Metrics | undefined, record: PublishRecord): void {
  if (metrics === undefined || record.duplicates === 0) return;
  metrics.counter('duplicates', record.subscription.api, record.protocol).value += record.duplicates;
}

function countRefusal(metrics: Metrics | undefined, record: RefusalRecord): void {
  if (metrics === undefined) return;
  const api = record.api ?? '';
  metrics.counter('refused', api, record.protocol, record.stage, record.code).value += 1;
  if (record.stage === 'publish') metrics.counter('publishRejected', api, record.code).value += record.events;
  if (limitCodes.includes(record.code)) metrics.counter('limitHits', api, record.plan ?? '', record.reason).value += 1;
}

function writeDecision(log: Log | undefined, record: RefusalRecord, repeats: number | undefined): void {
  if (log === undefined) return;
  const { tenant, application, subscription, api, plan, protocol, address, stage, code, reason, sentence, events, retryAfter } = record;
  decision(log, {
    tenant,
    application,
    subscription,
    api,
    plan,
    protocol,
    address,
    stage,
    code,
    reason,
    sentence,
    events,
    retryAfter,
    repeats,
  });
}

function sums<T>(
  items: Iterable<T>,
  of: (item: T) => readonly [labels: readonly string[], value: number],
): Iterable<{ readonly labels: readonly string[]; readonly value: number }> {
  const found = new Map<string, { readonly labels: readonly string[]; value: number }>();
  for (const item of items) {
    const [labels, value] = of(item);
    const key = labels.join('\n');
    const entry = found.get(key);
    if (entry === undefined) found.set(key, { labels, value });
    else entry.value += value;
  }
  return found.values();
}
