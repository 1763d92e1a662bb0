import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
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

describe('P15: nothing within is called, where the operator opened nothing', { timeout: 60_000 }, () => {
  let connections = 0;
  const within = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  let sluice: SluiceFixture;
  let endpoints: readonly { readonly id: string; readonly name: string }[];

  before(async () => {
    within.listen(0);
    await once(within, 'listening');
    const { port } = within.address() as AddressInfo;
    const lines = Object.entries(doors).flatMap(([door, members]) =>
      hosts.map((host, index) => `${door}-${index}: { address: '*/events', retry: none, ${members(`http://${host}:${port}/`)} }`),
    );
    sluice = await openSluice(webhookConfig(lines.join('\n')), { files: worldFiles(), env: { SECRET: 'hush' } });
    await publishNew(sluice, 1);
    ({ items: endpoints } = (await sluice.client().get(['endpoints'], { limit: '100' })) as { items: typeof endpoints });
    assert.equal(endpoints.length, lines.length);
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

  for (const door of Object.keys(doors))
    test(`by ${door}, in no notation`, async () => {
      for (const sentence of await reasons(door)) assert.match(sentence, /not on the public internet/);
      assert.equal(connections, 0);
    });
});

interface Told {
  readonly sentence: string | null;
}
