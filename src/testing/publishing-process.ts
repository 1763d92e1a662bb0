import { embeddedMigrations } from '../backbones/embedded/migrations.ts';
import { openEmbedded } from '../backbones/embedded/open-embedded.ts';
import { systemClock } from '../core/clock.ts';
import type { EventDraft } from '../core/event.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';

/*
 * A process to be killed: publishes on one data folder until it is. Arguments: folder, and as JSON what each publisher sends first,
 * events repeated from before, and after how many publishes each to stop. Every acknowledgement is one line on stdout: publisher, first number,
 * positions, and whether each was a duplicate.
 */

export interface PublishingOrders {
  /** The number each publisher goes on with. */
  readonly next: readonly number[];
  /** `publisher:number` of acknowledged events, to be sent again first. */
  readonly repeat: readonly string[];
  /** Publishes of each publisher after which the process ends by itself; absent: never. */
  readonly rounds?: number;
}

const [folder, orders] = process.argv.slice(2) as [string, string];
const { next, repeat, rounds = Infinity } = JSON.parse(orders) as PublishingOrders;
// Synchronous on a pipe: a line is out before the next publish.
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const database = await openDatabase({ folder, migrations: embeddedMigrations });
const backbone = await openEmbedded({ database, clock: systemClock });
await backbone.prepare('default/kill', { dedupWindow: 3_600_000 });

function event(id: string, size: number): EventDraft {
  return { id, source: '/kill', type: 'test', extensions: {}, data: Buffer.alloc(size, id), dataKind: 'text' };
}

async function run(publisher: number): Promise<void> {
  let number = next[publisher]!;
  for (let round = 0; round < rounds; round++) {
    const count = 1 + (number % 5);
    const drafts = Array.from({ length: count }, (_, index) => event(`${publisher}:${number + index}`, (number * 97) % 3000));
    const placed = await backbone.publish({ log: 'default/kill', address: `orders/${publisher % 2}` }, drafts);
    say({ publisher, first: number, positions: placed.map(({ position }) => position) });
    number += count;
  }
}

for (const id of repeat) {
  const [placed] = await backbone.publish({ log: 'default/kill', address: `orders/${Number(id.split(':')[0]) % 2}` }, [event(id, 10)]);
  say({ repeated: id, ...placed });
}
say({ ready: true });
await Promise.all(next.map((_, publisher) => run(publisher)));
await backbone.close();
await database.close();
