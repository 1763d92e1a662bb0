import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runCli } from '../cli/test-world.ts';
import { readerKey, worldFiles } from '../testing/gateway-world.ts';
import { randomOf } from '../testing/seeded-random.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';
import { WebhookReceiver } from '../testing/webhook-receiver.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

/** One reader, by turns pushed to and read from over connections, while events are published. */
describe('an endpoint whose owner comes and reads, and is pushed to again', { timeout: 180_000 }, () => {
  const receiver = new WebhookReceiver<{ readonly id: string }>();
  let sluice: SluiceFixture;
  let endpoint: string;
  before(async () => {
    await receiver.listen();
    const url = `http://127.0.0.1:${receiver.port}/hook`;
    const config = webhookConfig(`hook: { url: '${url}', address: '*/events', order: strict }`);
    sluice = await openSluice(config, { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
    endpoint = await endpointNamed(sluice);
  });
  after(async () => {
    await sluice.stop();
    receiver.close();
  });

  const turn = (state: 'pause' | 'start'): Promise<unknown> => sluice.client().post(['endpoints', endpoint, state], {});

  /** Reads so many events as the endpoint's reader, and is gone; their ids. */
  async function read(protocol: string, count: number): Promise<readonly string[]> {
    const options = ['--reader', 'hook', '--protocol', protocol, '--count', String(count), '--key', readerKey, '--json'];
    const { exit, stdout, stderr } = await runCli(['listen', 'world/*/events', '--gateway', sluice.gateway, ...options]);
    assert.equal(exit, 0, stderr);
    return stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id);
  }

  for (const protocol of ['sse', 'websocket', 'poll'])
    test(`gets each event once and in order, by webhook or over ${protocol}`, async (t) => {
      t.diagnostic(`seed ${seed}`);
      const random = randomOf(seed);
      const some = (most: number): number => 1 + Math.floor(random() * most);
      const published: string[] = [];
      const got: string[] = [];
      const publishSome = async (most: number): Promise<void> => void published.push(...(await publishNew(sluice, some(most))));
      for (let round = 0; round < 4; round += 1) {
        receiver.reset();
        await publishSome(20);
        await receiver.arrived(published.length - got.length);
        await turn('pause');
        got.push(...receiver.posts.map(({ event }) => event.id));
        await publishSome(20);
        const reading = read(protocol, some(published.length - got.length));
        await publishSome(20);
        got.push(...(await reading));
        await publishSome(5);
        await turn('start');
      }
      receiver.reset();
      await until(
        async () => got.length + receiver.posts.length >= published.length,
        () => `of ${published.length} there came ${got.length} over ${protocol} and ${receiver.posts.length} by webhook`,
      );
      assert.deepEqual([...got, ...receiver.posts.map(({ event }) => event.id)], published);
    });

  test('is billed for each event once, however it came', async () => {
    const verified = (await sluice.client().get(['usage', 'verify'])) as { ok: boolean };
    assert.equal(verified.ok, true, JSON.stringify(verified));
    const { items } = (await sluice.client().get(['usage'])) as unknown as { items: { events: number; published: number }[] };
    const sum = (of: 'events' | 'published'): number => items.reduce((all, one) => all + one[of], 0);
    assert.ok(sum('published') > 0);
    assert.equal(sum('events'), sum('published'));
  });
});
