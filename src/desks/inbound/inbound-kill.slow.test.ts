import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { randomOf } from '../../testing/seeded-random.ts';
import { startProcess, type SluiceProcess } from '../../testing/sluice-process.ts';

const key = 'reader-key-0123456789';
const secret = 'a secret of many characters';
const contract = `
asyncapi: 3.0.0
info: { title: Inbox, version: 1.0.0 }
channels: { builds: { address: builds } }
operations: { send: { action: send, channel: { $ref: '#/channels/builds' } } }
`;
const config = `
apis: { inbox: { contract: ./inbox.yaml, path: /inbox, plans: { free: {} } } }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${key} }]
    subscriptions: [{ api: inbox, plan: free }]
  intake:
    subscriptions: [{ api: inbox, as: provider, sources: { builds: { preset: github, address: builds, secret: ${secret} } } }]
`;

const rounds = 6;
const ofRound = 40;
const atOnce = 8;

let folder: string;
let sluice: SluiceProcess;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  await writeFile(join(folder, 'inbox.yaml'), contract);
  await writeFile(join(folder, 'sluice.yaml'), config);
  sluice = await startProcess({ folder });
});
after(async () => {
  sluice.signal('SIGKILL');
  await sluice.exited;
  await rm(folder, { recursive: true, force: true });
});

/** True: answered 200, so that the provider forgets it. */
async function send(n: number, delivery: string): Promise<boolean> {
  const body = JSON.stringify({ n });
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': delivery,
    'x-hub-signature-256': signature,
  };
  try {
    const response = await fetch(`${sluice.gateway}/inbox/-/in/intake/builds`, { method: 'POST', headers, body });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

test(
  'killed at any moment: what was answered is there, and everything is there once, though it is sent again',
  { timeout: 300_000 },
  async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    const random = randomOf(seed);
    const deliveries = new Map<number, string>();
    const answered = new Set<number>();
    for (let round = 0; round < rounds; round++) {
      const numbers = Array.from({ length: ofRound }, (_, index) => round * ofRound + index);
      const work = [...numbers];
      // A number of answers, not a time: how many come in a time is the machine's affair.
      const enough = Math.floor(random() * (ofRound - atOnce));
      const { promise: isTime, resolve: tell } = Promise.withResolvers<void>();
      let came = 0;
      if (enough === 0) tell();
      const sendAll = async (): Promise<void> => {
        for (let n = work.shift(); n !== undefined; n = work.shift()) {
          const delivery = randomUUID();
          deliveries.set(n, delivery);
          if (!(await send(n, delivery))) continue;
          answered.add(n);
          if ((came += 1) === enough) tell();
        }
      };
      const sending = Promise.all(Array.from({ length: atOnce }, sendAll));
      await isTime;
      await wait(random() * 10);
      sluice.signal('SIGKILL');
      await sluice.exited;
      await sending;
      sluice = await startProcess({ folder });
      // The provider tries again what it heard nothing of; somebody who listened sends the rest under other names.
      for (const n of numbers) {
        const isKnown = answered.has(n);
        assert.ok(await send(n, isKnown ? randomUUID() : (deliveries.get(n) ?? '')), `seed ${seed}: ${n} is taken in the end`);
      }
    }
    const response = await fetch(`${sluice.gateway}/inbox/builds?from=earliest&limit=1000`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const events = (await response.json()) as { data: { n: number } }[];
    assert.deepEqual(
      events.map(({ data }) => data.n).toSorted((a, b) => a - b),
      Array.from({ length: rounds * ofRound }, (_, n) => n),
      `seed ${seed}`,
    );
    assert.ok(answered.size > 0 && answered.size < rounds * ofRound, `seed ${seed}: ${answered.size} were answered before a kill`);
  },
);
