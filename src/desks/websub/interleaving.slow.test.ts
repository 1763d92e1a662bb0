import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { randomOf } from '../../testing/seeded-random.ts';
import { confirming, TestSubscriber, WebSubWorld } from '../../testing/websub-world.ts';

const callbacks = 6;
const requestsEach = 6;
const letters = 'abcdefgh';

/** What one subscriber sends, and whether it means it when it is asked. */
interface Planned {
  readonly mode: 'subscribe' | 'unsubscribe';
  readonly secret: string;
  readonly isMeant: boolean;
}

/** The room's name with those letters escaped that are bits of a number: one topic, and yet each request can be told when it is asked about. */
function written(number: number): string {
  return Array.from(letters, (letter, bit) => ((number >> bit) & 1 ? `%${letter.charCodeAt(0).toString(16)}` : letter)).join('');
}

function numberOf(topic: string): number {
  for (let number = 0; number < 2 ** letters.length; number += 1) if (topic.includes(`/${written(number)}/`)) return number;
  throw new Error(`nobody has asked for ${topic}`);
}

test(
  'WS-S5: in any order of requests, answers and restarts the request accepted last of those confirmed is what holds',
  { timeout: 300_000 },
  async (t) => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    t.diagnostic(`seed ${seed}`);
    const random = randomOf(seed);
    const subscriber = await TestSubscriber.open();
    const world = await WebSubWorld.open(subscriber);
    try {
      const plans = Array.from({ length: callbacks }, (_, at) =>
        Array.from({ length: requestsEach }, (__, index): Planned => ({
          mode: random() < 0.65 ? 'subscribe' : 'unsubscribe',
          secret: `secret ${at} ${index}`,
          isMeant: random() < 0.6,
        })),
      );
      const seen = new Set<string>();
      subscriber.answer = (question, response) => {
        const at = Number(question.url.slice(2, 3));
        const index = numberOf(question.query.get('hub.topic') ?? '');
        const plan = plans[at]![index]!;
        assert.equal(question.query.get('hub.mode'), plan.mode);
        seen.add(`${at} ${index}`);
        setTimeout(() => (plan.isMeant ? confirming(question, response) : response.writeHead(404).end()), random() * 40);
      };
      const topic = await world.topic(letters);
      const callbackOf = (at: number): string => subscriber.callback(`/c${at}`);
      const ask = async (at: number, index: number): Promise<void> => {
        const { mode, secret } = plans[at]![index]!;
        const fields = {
          'hub.mode': mode,
          'hub.callback': callbackOf(at),
          'hub.secret': secret,
          'hub.topic': topic.replace(letters, written(index)),
        };
        const response = await world.ask(fields);
        assert.equal(response.status, 202, await response.text());
      };
      for (let index = 0; index < requestsEach; index += 1) {
        await Promise.all(plans.map((_, at) => ask(at, index)));
        if (random() < 0.4) await world.sluice.restart({ grace: 50 });
        else await new Promise((resolve) => setTimeout(resolve, random() * 60));
      }
      /** The index of the request that holds in the end; undefined when none does. */
      const expected = plans.map((requests) => {
        const last = requests.findLastIndex(({ isMeant }) => isMeant);
        return requests[last]?.mode === 'subscribe' ? last : undefined;
      });
      // Each that is the last of its subscriber is asked about in any case.
      await subscriber.until(() => plans.every((requests, at) => seen.has(`${at} ${requests.length - 1}`)));
      const isAsExpected = async (): Promise<boolean> => {
        const held = await world.subscriptions();
        return expected.every((index, at) => {
          const mine = held.filter(({ url }) => url === callbackOf(at));
          return index === undefined ? mine.length === 0 : mine.length === 1 && numberOf(mine[0]!.websub.topic) === index;
        });
      };
      while (!(await isAsExpected())) await new Promise((resolve) => setTimeout(resolve, 20));
      await world.publish(letters, '{"for":"those who hold it"}');
      const holding = expected.filter((index) => index !== undefined).length;
      await subscriber.until(() => subscriber.deliveries.length >= holding);
      for (const { url, headers, body } of subscriber.deliveries) {
        const at = Number(url.slice(2, 3));
        const { secret } = plans[at]![expected[at]!]!;
        assert.equal(headers['x-hub-signature'], `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
      }
      assert.ok(await isAsExpected(), 'and it stays so');
      assert.equal(new Set(subscriber.deliveries.map(({ url }) => url)).size, holding);
    } finally {
      await world.stop();
      subscriber.close();
    }
  },
);
