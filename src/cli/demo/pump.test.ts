import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { CliError } from '../exit-code.ts';
import { Pump } from './pump.ts';

const settle = async () => new Promise((resolve) => setImmediate(resolve));

/** A pump on a clock that the test moves, 25 ms at a time. */
async function pumping(
  rate: number,
  publishNext: () => Promise<void>,
  use: (pump: Pump, advance: (milliseconds: number) => Promise<void>, seconds: [number, number][], refused: string[]) => Promise<void>,
) {
  mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  const clock = mock.method(performance, 'now', () => now);
  const seconds: [number, number][] = [];
  const refused: string[] = [];
  const pump = new Pump({
    rate,
    publishNext,
    onSecond: (published, total) => seconds.push([published, total]),
    onRefused: (error) => refused.push(error.message),
  });
  const advance = async (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += 25) {
      now += 25;
      mock.timers.tick(25);
      await settle();
    }
  };
  try {
    await use(pump, advance, seconds, refused);
  } finally {
    mock.timers.reset();
    clock.mock.restore();
  }
}

test('a pump keeps its rate and tells it every second', async () => {
  for (const rate of [1, 20, 333]) {
    await pumping(
      rate,
      async () => undefined,
      async (pump, advance, seconds) => {
        await advance(5000);
        await pump.stop();
        assert.equal(seconds.length, 5);
        const total = seconds.at(-1)?.[1] ?? 0;
        assert.ok(Math.abs(total - rate * 5) <= rate * 0.05 + 1, `${total} of ${rate * 5}`);
      },
    );
  }
});

test('a pump has at most 32 requests under way and waits for them when it stops', async () => {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  const publishNext = async () => {
    underWay += 1;
    await new Promise<void>((resolve) => waiting.push(resolve));
    underWay -= 1;
  };
  await pumping(1000, publishNext, async (pump, advance) => {
    await advance(2000);
    assert.equal(underWay, 32);
    const stopped = pump.stop();
    for (const release of waiting) release();
    await stopped;
    assert.equal(underWay, 0);
  });
});

test('a pump goes on after a refusal and does not count it', async () => {
  let calls = 0;
  const publishNext = async () => {
    calls += 1;
    if (calls % 2 === 0) throw new CliError('refused', 'Too many.');
  };
  await pumping(40, publishNext, async (pump, advance, seconds, refused) => {
    await advance(1000);
    await pump.stop();
    // The last one may be under way while the second is told.
    assert.ok(Math.abs((seconds[0]?.[0] ?? 0) - (calls - refused.length)) <= 1);
    assert.ok(refused.length >= 15);
  });
});
