import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ManagementClient } from '../../cli/client/management.ts';
import { newEvents, publish, readerKey, serviceKey, worldFiles } from '../../testing/gateway-world.ts';
import { randomOf } from '../../testing/seeded-random.ts';
import { startProcess } from '../../testing/sluice-process.ts';
import { until } from '../../testing/until.ts';
import { webhookConfig } from '../../testing/webhook-world.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const kills = Number(process.env['KILLS'] ?? 5);
const admin = 'an-admin-token-for-this-test';
const endpoints = 4;

interface Told {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly endpoint: { readonly name: string } };
}

test(
  `E8-8: kill -9 at random moments, ${kills} times: each change of an endpoint's state is told once`,
  { timeout: 300_000 },
  async (t) => {
    t.diagnostic(`seed ${seed}`);
    const random = randomOf(seed);
    let hits = 0;
    // Whoever is asked wants no more.
    const receiver = createServer((request, response) => {
      hits += 1;
      request.resume();
      response.writeHead(410).end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    const hooks = Array.from({ length: endpoints }, (_, n) => `hook-${n}: { url: '${url}', address: 'a/events' }`);
    const config = webhookConfig(hooks.join('\n'));
    await writeFile(join(folder, 'sluice.yaml'), config);
    await writeFile(join(folder, 'world.yaml'), worldFiles()['world.yaml'] ?? '');
    const options = { folder, env: { SLUICE_ADMIN_TOKEN: admin }, args: ['--open-outgoing', '127.0.0.0/8'] };
    let running = await startProcess(options).catch((error: unknown) => {
      receiver.close();
      throw error;
    });
    const [port, controlPort] = [running.gateway, running.control].map((base) => Number(new URL(base).port));
    const { gateway } = running;
    const client = new ManagementClient(new URL(running.control), admin);
    const list = async (): Promise<readonly { id: string; name: string }[]> =>
      ((await client.get(['endpoints'])) as unknown as { items: { id: string; name: string }[] }).items;
    const stateOf = async (id: string): Promise<unknown> => (await client.get(['endpoints', id, 'status']))['state'];

    /** Starts those that are stopped and gives them something to refuse. */
    async function provoke(): Promise<void> {
      for (const { id } of await list()) if ((await stateOf(id)) === 'stopped') await client.post(['endpoints', id, 'start'], {});
      const answer = await publish(gateway, newEvents(1), { key: serviceKey, channel: 'a/events' });
      assert.equal(answer.status, 202);
    }

    async function told(): Promise<readonly Told[]> {
      const response = await fetch(`${gateway}/sluice/endpoints/reader?from=earliest&limit=1000`, { headers: { 'x-api-key': readerKey } });
      assert.equal(response.status, 200, await response.clone().text());
      return (await response.json()) as Told[];
    }

    try {
      for (let kill = 0; kill < kills; kill += 1) {
        const before = hits;
        await provoke();
        await until(
          async () => hits > before,
          () => `Nothing was pushed: ${running.log()}`,
        );
        await pause(Math.floor(random() * 400));
        running.signal('SIGKILL');
        await running.exited;
        running = await startProcess({ ...options, port: port ?? 0, controlPort: controlPort ?? 0 });
      }
      await provoke();
      const all = await list();
      await until(
        async () => (await Promise.all(all.map(({ id }) => stateOf(id)))).every((state) => state === 'stopped'),
        () => 'An endpoint is not stopped.',
      );
      const types = async (name: string): Promise<readonly string[]> =>
        (await told()).filter(({ data }) => data.endpoint.name === name).map(({ type }) => type);
      await until(
        async () => (await Promise.all(all.map(({ name }) => types(name)))).every((one) => one.at(-1) === 'io.sluice.endpoint.gone'),
        () => 'A notice is missing.',
      );
      const notices = await told();
      assert.equal(new Set(notices.map(({ id }) => id)).size, notices.length, 'a notice came twice');
      for (const { name } of all) {
        const found = await types(name);
        const steps = found.map((_, n) => (n % 2 === 0 ? 'io.sluice.endpoint.gone' : 'io.sluice.endpoint.started'));
        assert.deepEqual(found, steps, `${name}: a change of state is missing, or was told twice`);
      }
      t.diagnostic(`${notices.length} notices`);
    } finally {
      running.signal('SIGKILL');
      await running.exited;
      receiver.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
