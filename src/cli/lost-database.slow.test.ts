import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newEvents, publish, readerKey, serviceKey, worldConfig, worldFiles } from '../testing/gateway-world.ts';
import { RawHttp } from '../testing/raw-http.ts';
import { startProcess } from '../testing/sluice-process.ts';
import { openSse } from '../testing/stream-client.ts';
import { until } from '../testing/until.ts';

/** Ends the named thread of the process when it gets SIGUSR2, as a crash of it would. */
function threadEnder(name: string): string {
  const code = `
    import threads from 'node:worker_threads';
    import { syncBuiltinESMExports } from 'node:module';
    const { Worker } = threads;
    threads.Worker = class extends Worker {
      constructor(file, options) {
        super(file, options);
        if (options?.name === '${name}') process.on('SIGUSR2', () => this.terminate());
      }
    };
    syncBuiltinESMExports();
  `;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

describe('A Sluice that loses a thread of its database', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    await writeFile(join(folder, 'sluice.yaml'), worldConfig());
    await writeFile(join(folder, 'world.yaml'), worldFiles()['world.yaml']!);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const name of ['sluice-writer-thread', 'sluice-reader-thread']) {
    it(
      `ends with 1 and a sentence, is not healthy meanwhile, and goes on when it is started anew (${name})`,
      { timeout: 120_000 },
      async (t) => {
        const running = await startProcess({ folder, nodeArgs: ['--import', threadEnder(name)], args: ['--grace', '60'] });
        t.after(() => running.signal('SIGKILL'));
        assert.equal((await publish(running.gateway, newEvents(1))).status, 202);
        const reader = await openSse(`${running.gateway}/world/a/events`, { key: readerKey });
        // A request on its way keeps the process until everything is seen that is to be seen meanwhile.
        const slow = new RawHttp(running.gateway);
        const asked = { 'content-type': 'application/cloudevents+json', 'content-length': '100', expect: '100-continue' };
        slow.send('POST', '/world/a/events', { ...asked, authorization: `Bearer ${serviceKey}` });
        await until(
          async () => slow.continues > 0,
          () => `its body is not asked for: ${slow.body.toString()}`,
        );
        running.signal('SIGUSR2');
        await until(
          async () => (await fetch(`${running.control}/healthz`)).status === 503,
          () => 'it says it is healthy',
        );
        slow.socket.destroy();
        const { retry } = await reader.ended;
        assert.ok(retry !== undefined && retry >= 1000, 'readers are told when to come back');
        assert.equal(await running.exited, 1);
        assert.match(running.log(), /A thread of the database ended unexpectedly/);

        const again = await startProcess({ folder });
        t.after(() => again.signal('SIGKILL'));
        assert.equal((await publish(again.gateway, newEvents(1))).status, 202);
        again.signal('SIGTERM');
        assert.equal(await again.exited, 0);
      },
    );
  }
});
