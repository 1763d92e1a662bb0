import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import { worldFiles } from '../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';
import { publishNew, webhookConfig } from '../testing/webhook-world.ts';

/** This machine, as it can be written. */
const hosts = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '127.0.0.1.',
  '0.0.0.0',
  '%6c%6f%63alhost',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::]',
];
/** What of it is opened while endpoints are made that would not be taken otherwise. */
const opened = ['127.0.0.0/8', '0.0.0.0/8', '::/127'];
/** An address that may be called; nothing is sent there before a token is fetched. */
const elsewhere = 'http://1.1.1.1/';

/** What an endpoint calls, as flow YAML, by the name of the door. */
const doors: Readonly<Record<string, (url: string) => string>> = {
  hook: (url) => `url: '${url}'`,
  token: (tokenUrl) =>
    `url: '${elsewhere}', authentication: { kind: oauth2-client-credentials, tokenUrl: '${tokenUrl}', clientId: c, clientSecret: '\${env:SECRET}' }`,
  challenge: (url) => `url: '${url}', verification: challenge`,
  cloudevents: (url) => `url: '${url}', verification: cloudevents`,
  ping: (url) => `url: '${url}', verification: signed-ping`,
};

const common = `address: '*/events', retry: none, state: paused`;
const count = Object.keys(doors).length * hosts.length;

describe('P15: nothing within is called, where the operator opened nothing', { timeout: 180_000 }, () => {
  let connections = 0;
  const within = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  let sluice: SluiceFixture;
  let configOf: (prefix: string) => string;
  let endpoints: readonly { readonly id: string; readonly name: string }[];

  before(async () => {
    within.listen(0);
    await once(within, 'listening');
    const { port } = within.address() as AddressInfo;
    configOf = (prefix) =>
      webhookConfig(
        Object.entries(doors)
          .flatMap(([door, members]) =>
            hosts.map((host, index) => `${prefix}${door}-${index}: { ${common}, ${members(`http://${host}:${port}/`)} }`),
          )
          .join('\n'),
      );
    sluice = await openSluice(configOf(''), { files: worldFiles(), env: { SECRET: 'hush' }, openOutgoing: opened });
    await publishNew(sluice, 1);
    await sluice.restart({ openOutgoing: [] });
    const client = sluice.client();
    ({ items: endpoints } = (await client.get(['endpoints'], { limit: '100' })) as { items: typeof endpoints });
    assert.equal(endpoints.length, count);
    for (const { id } of endpoints) await client.post(['endpoints', id, 'start'], {});
  });
  after(async () => {
    await sluice.stop();
    within.close();
  });

  /** Why nothing came of each endpoint of a door, once it was tried. */
  async function reasons(door: string): Promise<readonly string[]> {
    const mine = endpoints.filter(({ name }) => name.startsWith(`${door}-`));
    return await Promise.all(
      mine.map(async ({ id }) => {
        let sentence = '';
        const tried = async (): Promise<boolean> => {
          const { verification } = (await sluice.client().get(['endpoints', id, 'status'])) as { verification: Told | null };
          const { items } = (await sluice.client().get(['endpoints', id, 'attempts'])) as { items: readonly Told[] };
          sentence = verification?.sentence ?? items[0]?.sentence ?? '';
          return sentence !== '';
        };
        await until(tried, () => `${door} was not tried`);
        return sentence;
      }),
    );
  }

  test('by nothing that is made anew', async () => {
    const isRefused = (error: unknown): boolean => {
      assert.ok(error instanceof GatewayError && error.code === 'INVALID_CONFIGURATION', String(error));
      const problems = error.details['problems'] as readonly { readonly path: string; readonly failure: string }[];
      assert.equal(problems.length, count);
      return problems.every(({ path, failure }) => path.includes('/new-') && failure === 'blocked');
    };
    await assert.rejects(sluice.apply(configOf('new-')), isRefused);
    await sluice.apply(configOf(''));
  });

  for (const door of Object.keys(doors))
    test(`by ${door}, in no notation`, async () => {
      for (const sentence of await reasons(door)) assert.match(sentence, /not on the public internet/);
      assert.equal(connections, 0);
    });
});

interface Told {
  readonly sentence: string | null;
}
