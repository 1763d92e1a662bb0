import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { newEvents, worldFiles } from '../../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';
import { runCli } from '../test-world.ts';

const readerKey = 'reader-key-0123456789';
const strangerKey = 'stranger-key-0123456789';
const serviceKey = 'service-key-0123456789';

const config = `
apis:
  world:
    contract: ./world.yaml
    path: /world
    plans:
      push: { mode: push }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${readerKey} }]
    subscriptions:
      - api: world
        plan: push
        allow: { publish: [], read: ['one/events', 'two/events'] }
        endpoints:
          hook: { url: 'https://example.com/hook', address: one/events, filter: 'data.n % 2 == 0', state: paused }
  stranger:
    credentials: [{ kind: api-key, value: ${strangerKey} }]
  service:
    credentials: [{ kind: api-key, value: ${serviceKey} }]
    subscriptions: [{ api: world, as: provider }]
`;

describe('sluice endpoints preview', { timeout: 180_000 }, () => {
  let sluice: SluiceFixture;
  let subscription: string;
  let endpoint: string;
  before(async () => {
    sluice = await openSluice(config, { files: worldFiles() });
    for (const [room, count] of [
      ['one', 2500],
      ['two', 10],
    ] as const) {
      const response = await fetch(`${sluice.gateway}/world/${room}/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${serviceKey}`, 'content-type': 'application/cloudevents-batch+json' },
        body: JSON.stringify(newEvents(count)),
      });
      assert.equal(response.status, 202, await response.text());
    }
    const { items } = (await sluice.client().get(['endpoints'])) as { items: { id: string; subscription: string }[] };
    endpoint = items[0]?.id ?? '';
    subscription = items[0]?.subscription ?? '';
  });
  after(() => sluice.stop());

  async function preview(argv: readonly string[], key = readerKey) {
    const { exit, stdout, stderr } = await runCli(['endpoints', 'preview', ...argv, '--json', '--control', sluice.control, '--key', key]);
    return { exit, stderr, answer: stdout === '' ? undefined : (JSON.parse(stdout) as Record<string, any>) };
  }

  test('counts among the last thousand events, with the key of its owner', async () => {
    const { answer } = await preview([endpoint]);
    assert.deepEqual([answer?.['examined'], answer?.['matched'], answer?.['complete']], [1000, 500, true]);
    assert.equal(answer?.['examples'].length, 5);
    const tried = await preview(['--subscription', subscription, '--address', 'two/events', '--filter', 'data.n > 2505']);
    assert.deepEqual([tried.answer?.['examined'], tried.answer?.['matched']], [10, 5]);
  });

  test('says what is wrong with a filter, and where', async () => {
    const refused = await preview(['--subscription', subscription, '--filter', 'data.n >', '--address', 'one/events']);
    assert.equal(refused.exit, 7, refused.stderr);
    assert.match(refused.stderr, /The filter is not valid at column/);
    const { answer } = await preview(['--subscription', subscription, '--filter', 'data.total > 1', '--address', 'two/events']);
    assert.deepEqual([answer?.['matched'], answer?.['faults'].events], [0, 10]);
    assert.equal(answer?.['faults'].examples[0].sentence, 'The event has no data.total.');
  });

  test('reads nothing that the subscription may not read, and nothing for others', async () => {
    for (const address of ['three/events', '*/events']) {
      const { exit, stderr } = await preview(['--subscription', subscription, '--address', address]);
      assert.equal(exit, 9, `${address}: ${stderr}`);
    }
    const { answer } = await preview(['--subscription', subscription, '--address', '*']);
    assert.deepEqual([answer?.['examined'], answer?.['matched']], [1000, 1000], 'whatever it may read');
    assert.equal((await preview([endpoint], strangerKey)).exit, 5);
    assert.equal((await preview(['--subscription', subscription], strangerKey)).exit, 5);
  });

  test('so that who adds one, or gives it another address, is told when nothing is delivered there', async () => {
    const cli = async (...argv: string[]): Promise<string> => {
      const { exit, stderr } = await runCli(['endpoints', ...argv, '--control', sluice.control, '--key', readerKey]);
      assert.equal(exit, 0, stderr);
      return stderr;
    };
    const where = ['add', '--subscription', subscription, '--url', 'https://example.com/hook', '--paused', '--name'];
    assert.match(
      await cli(...where, 'elsewhere', '--address', 'three/events'),
      /it is shown this once\.\nNothing is delivered as things are: \S/,
    );
    assert.doesNotMatch(await cli(...where, 'some', '--address', 'two/events'), /Nothing is delivered/);
    assert.doesNotMatch(await cli(...where, 'all'), /Nothing is delivered/);
    assert.match(await cli('set', endpoint, '--address', 'one/commands'), /Nothing is delivered as things are: /);
    assert.equal(await cli('set', endpoint, '--address', 'one/events'), '');
  });
});
