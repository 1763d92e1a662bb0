import type { Health } from '../core/backbone.ts';
import type { Clock } from '../core/clock.ts';
import type { Metrics, Reading } from '../observe/metrics.ts';

/** Changes of state remembered of each backbone. */
const MOST_CHANGES = 200;
/** Round trips remembered of each backbone: an hour at one in five seconds. */
const MOST_LATENCIES = 720;
const PROBE_INTERVAL = 5000;

export interface BackboneHealth {
  readonly name: string;
  readonly kind: string;
  readonly health: Health;
}

interface Watched {
  readonly kind: string;
  health: Health;
  /** When each state began, oldest first; wall time in milliseconds. */
  readonly changes: { readonly state: Health['state']; readonly from: number; readonly reason: string | undefined }[];
  readonly latencies: number[];
  seenAt: number;
}

/** What state each backbone is in, since when, and how it got there. Probes every five seconds from `start` to `close`. */
export class HealthTimeline {
  readonly #probe: () => Promise<readonly BackboneHealth[]>;
  readonly #clock: Clock;
  readonly #records = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #isProbing = false;

  constructor(probe: () => Promise<readonly BackboneHealth[]>, clock: Clock) {
    this.#probe = probe;
    this.#clock = clock;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.check(), PROBE_INTERVAL);
    this.#timer.unref();
    void this.check();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Probes once, unless a probe is still waiting for an answer. */
  async check(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    try {
      const found = await this.#probe();
      for (const { name, kind, health } of found) this.#take(name, kind, health);
      const names = new Set(found.map(({ name }) => name));
      for (const name of this.#records.keys()) if (!names.has(name)) this.#records.delete(name);
    } catch {
      // The state stays what it was; a backbone that fails its probe answers with a state and does not throw.
    } finally {
      this.#isProbing = false;
    }
  }

  /** Every backbone with its state, round trips in milliseconds, and the states before. */
  report(): readonly Record<string, unknown>[] {
    return [...this.#records].map(([name, { kind, health, changes, latencies, seenAt }]) => ({
      name,
      kind,
      state: health.state,
      latency: health.latency ?? null,
      since: health.since,
      reason: health.reason ?? null,
      checkedAt: seenAt,
      latencies: percentiles(latencies),
      timeline: changes.map((change, index) => ({
        state: change.state,
        from: change.from,
        to: changes[index + 1]?.from ?? null,
        reason: change.reason ?? null,
      })),
    }));
  }

  /** Shows the states at each scrape. */
  exportTo(metrics: Metrics): void {
    metrics.gauge('backendState', () => this.#states());
    metrics.gauge('backendRoundtrip', () =>
      [...this.#records].flatMap(([name, { health }]) =>
        health.latency === undefined ? [] : [{ labels: [name], value: health.latency / 1000 }],
      ),
    );
  }

  *#states(): Iterable<Reading> {
    for (const [name, { health }] of this.#records) {
      for (const state of ['up', 'degraded', 'down']) yield { labels: [name, state], value: health.state === state ? 1 : 0 };
    }
  }

  #take(name: string, kind: string, health: Health): void {
    let record = this.#records.get(name);
    if (record === undefined) this.#records.set(name, (record = { kind, health, changes: [], latencies: [], seenAt: 0 }));
    record.health = health;
    record.seenAt = this.#clock.now();
    if (record.changes.at(-1)?.state !== health.state) {
      record.changes.push({ state: health.state, from: health.since, reason: health.reason });
      if (record.changes.length > MOST_CHANGES) record.changes.shift();
    }
    if (health.latency === undefined) return;
    record.latencies.push(health.latency);
    if (record.latencies.length > MOST_LATENCIES) record.latencies.shift();
  }
}

function percentiles(latencies: readonly number[]): { p50: number; p95: number; p99: number } | null {
  if (latencies.length === 0) return null;
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
