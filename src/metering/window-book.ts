import type { Clock } from '../core/clock.ts';
import type { Counters, WindowCounter, WindowUnit } from '../core/policy.ts';
import type { Database, Statement } from '../store/database.ts';
import type { Book } from './book.ts';
import { bulk } from './bulk.ts';
import { windowEnd, windowStart } from './calendar.ts';

/** How far the clock may step back before a window is taken to be a mistake of the clock and moved to where the clock is now. */
const LONGEST_STEP_BACK = 60 * 60 * 1000;

/** The counts that limit: exact in memory, written with each commit, read again at the start. */
export class WindowBook implements Book, Counters {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();
  readonly #gauges = new Map<string, { value: number }>();
  #dirty: Window[] = [];
  #writing: Window[] = [];
  readonly #urgent = new Set<Window>();
  readonly #secure = (window: Window): void => void this.#urgent.add(window);
  readonly #touch = (window: Window): void => {
    this.#dirty.push(window);
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Reads what earlier runs have counted. Must be awaited before the first `window`. */
  async load(database: Database): Promise<void> {
    for (const row of await database.query('SELECT key, unit, start, used FROM counter')) {
      const window = this.#window(String(row['key']), row['unit'] as WindowUnit);
      window.restore(Number(row['start']), Number(row['used']));
    }
  }

  window(key: string, unit: WindowUnit): WindowCounter {
    return this.#window(key, unit);
  }

  gauge(key: string): { value: number } {
    let gauge = this.#gauges.get(key);
    if (gauge === undefined) this.#gauges.set(key, (gauge = { value: 0 }));
    return gauge;
  }

  get dirty(): boolean {
    return this.#dirty.length > 0;
  }

  collect(): readonly Statement[] {
    this.#writing = this.#dirty;
    this.#dirty = [];
    return upsert(this.#writing.map((window) => window.row()));
  }

  committed(): void {
    this.#writing = [];
  }

  failed(): void {
    for (const window of this.#writing) window.again();
    this.#writing = [];
  }

  /** Statements that write the counts that wait to be secured, and what to call when they are not committed; undefined when none wait. */
  takeUrgent(): { readonly statements: readonly Statement[]; failed(): void } | undefined {
    if (this.#urgent.size === 0) return undefined;
    const windows = [...this.#urgent];
    this.#urgent.clear();
    const statements = upsert(windows.map((window) => window.values()));
    return { statements, failed: () => windows.forEach(this.#secure) };
  }

  #window(key: string, unit: WindowUnit): Window {
    const id = `${unit} ${key}`;
    let window = this.#windows.get(id);
    if (window === undefined)
      this.#windows.set(id, (window = new Window(key, unit, this.#clock, { touch: this.#touch, secure: this.#secure })));
    return window;
  }
}

function upsert(rows: readonly (readonly (string | number)[])[]): readonly Statement[] {
  return bulk(
    'INSERT INTO counter (tenant, key, unit, start, used)',
    'ON CONFLICT (key, unit) DO UPDATE SET start = excluded.start, used = excluded.used',
    5,
    rows,
  );
}

interface WindowOwner {
  readonly touch: (window: Window) => void;
  readonly secure: (window: Window) => void;
}

class Window implements WindowCounter {
  readonly #key: string;
  readonly #unit: WindowUnit;
  readonly #clock: Clock;
  readonly #owner: WindowOwner;
  #start = 0;
  #end = 0;
  #used = 0;
  #dirty = false;

  constructor(key: string, unit: WindowUnit, clock: Clock, owner: WindowOwner) {
    this.#key = key;
    this.#unit = unit;
    this.#clock = clock;
    this.#owner = owner;
    this.#begin(clock.now(), 0);
  }

  used(): number {
    this.#turn();
    return this.#used;
  }

  add(n: number): void {
    this.#turn();
    this.#used += n;
    if (!this.#dirty && this.#unit !== 'second') this.again();
  }

  resetsAt(): number {
    this.#turn();
    return this.#end;
  }

  restore(start: number, used: number): void {
    this.#start = start;
    this.#end = windowEnd(this.#unit, start);
    this.#used = used;
  }

  /** Puts it on the list of what the next commit writes. */
  again(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#owner.touch(this);
  }

  secure(): void {
    this.#owner.secure(this);
  }

  row(): readonly (string | number)[] {
    this.#dirty = false;
    return this.values();
  }

  values(): readonly (string | number)[] {
    return ['default', this.#key, this.#unit, this.#start, this.#used];
  }

  /** A clock that steps back neither empties the window nor moves its end; one that was wrong by far keeps the count and moves the window. */
  #turn(): void {
    const now = this.#clock.now();
    if (now >= this.#end) this.#begin(now, 0);
    else if (this.#start - now > Math.max(LONGEST_STEP_BACK, this.#end - this.#start)) this.#begin(now, this.#used);
  }

  #begin(now: number, used: number): void {
    this.#start = windowStart(this.#unit, now);
    this.#end = windowEnd(this.#unit, this.#start);
    this.#used = used;
  }
}
