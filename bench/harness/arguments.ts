import { parseArgs } from 'node:util';
import { burstEvents } from '../peers/peer.ts';

/** How a benchmark is to be run; times in seconds. */
export interface RunOptions {
  /** Short runs, once: to see that it works, not to quote. */
  readonly quick: boolean;
  readonly repeat: number;
  readonly seconds: number;
  readonly warm: number;
  /** Names of peers that may be missing. */
  readonly without: ReadonlySet<string>;
  /** When there are any, nothing else is run. */
  readonly only: ReadonlySet<string>;
  /** Subscribers, or endpoints; undefined: what the benchmark says. */
  readonly subscribers: number | undefined;
  /** Of push when it is killed; undefined: what the benchmark says. */
  readonly endpoints: number | undefined;
  /** Undefined: what the benchmark says. */
  readonly minutes: number | undefined;
  /** Events under way at most where a server is saturated; undefined: what the benchmark says. */
  readonly window: number | undefined;
  /** CPU numbers, as taskset takes them. */
  readonly serverCore: string;
  readonly generatorCore: string;
  /** Further arguments of `sluice up`. */
  readonly sluiceArguments: readonly string[];
}

export const usage = `Options:
  --quick               one short run of each, to see that it works
  --repeat N            turns; the median is reported (default 3)
  --seconds N           length of one measurement (default 8)
  --subscribers N       connections, or origins (default: what the benchmark says)
  --endpoints N         endpoints of push when it is killed (default 50)
  --only NAME,NAME      run these alone
  --without NAME,NAME   do without these; a peer that cannot be had fails the run otherwise
  --minutes N           length of soak (default 60) and origins (default 10)
  --window N            events under way when saturated (default 16)
  --server-core N       CPU of the server (default 0), --generator-core N of the load (default 1)
  --sluice "ARGUMENTS"  further arguments of sluice up, as in --sluice "--workers 2"`;

/** Reads the command line; throws with the usage when it makes no sense. */
export function readArguments(argv: readonly string[]): RunOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      repeat: { type: 'string' },
      seconds: { type: 'string' },
      subscribers: { type: 'string' },
      endpoints: { type: 'string' },
      only: { type: 'string', default: '' },
      without: { type: 'string', default: '' },
      minutes: { type: 'string' },
      window: { type: 'string' },
      'server-core': { type: 'string', default: '0' },
      'generator-core': { type: 'string', default: '1' },
      sluice: { type: 'string', default: '' },
    },
  });
  const { quick } = values;
  return {
    quick,
    repeat: positive('repeat', values.repeat, quick ? 1 : 3),
    seconds: positive('seconds', values.seconds, quick ? 2 : 8),
    warm: quick ? 0.5 : 2,
    without: new Set(words(values.without, ',')),
    only: new Set(words(values.only, ',')),
    subscribers: values.subscribers === undefined ? undefined : positive('subscribers', values.subscribers, 1),
    endpoints: values.endpoints === undefined ? undefined : positive('endpoints', values.endpoints, 1),
    minutes: values.minutes === undefined ? undefined : positive('minutes', values.minutes, 1),
    window: windowFrom(values.window),
    serverCore: values['server-core'],
    generatorCore: values['generator-core'],
    sluiceArguments: words(values.sluice, ' '),
  };
}

function windowFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const window = positive('window', text, burstEvents);
  if (window < burstEvents) throw new Error(`--window must be at least ${burstEvents}, the events of one burst.`);
  return window;
}

function positive(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not "${text}".`);
  return value;
}

function words(text: string, separator: string): string[] {
  return text.split(separator).filter((word) => word !== '');
}
