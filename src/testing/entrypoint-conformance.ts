import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { keyOf, noise, numbered, say } from './chat-world.ts';
import type { ReadingProtocol, Told } from './reading-client.ts';
import { assertToldWhen, endOf, eventsOf, idsOf, ReadingWorld } from './reading-world.ts';
import type { FixtureOptions } from './sluice-fixture.ts';
import { until } from './until.ts';

const limit = { timeout: 60_000 };

/** What every protocol that reads must do, as sentences; run by one line per protocol. */
export function checkReading(protocol: ReadingProtocol, options: FixtureOptions = {}): void {
  const where = options.workers === undefined ? '' : ` over ${options.workers} workers`;
  describe(`reading by ${protocol.name}${where}`, () => {
    const world = new ReadingWorld(protocol, options);
    before(() => world.start());
    after(() => world.stop());
    admission(world, protocol);
    delivery(world);
    beginnings(world);
    durability(world);
    limits(world, protocol);
    overflow(world, protocol);
    endings(world);
  });
}

function admission(world: ReadingWorld, { lacks }: ReadingProtocol): void {
  test('refuses who has no key', limit, async () => {
    const ending = await endOf(world.readWith({ path: `${world.room()}/said`, key: undefined }));
    assert.deepEqual([ending.code, ending.number], ['UNAUTHENTICATED', 401]);
  });

  test('refuses a key it does not know', limit, async () => {
    const ending = await endOf(world.readWith({ path: `${world.room()}/said`, key: 'not-a-key-of-anybody' }));
    assert.deepEqual([ending.code, ending.number], ['UNAUTHENTICATED', 401]);
  });

  test('refuses an application without a subscription', limit, async () => {
    const ending = await endOf(world.read(`${world.room()}/said`, { as: 'stranger' }));
    assert.deepEqual([ending.code, ending.number], ['FORBIDDEN', 403]);
  });

  for (const [user, channel] of [
    ['open', 'asked'],
    ['provider', 'said'],
  ] as const) {
    test(
      `does not let ${user} read ${channel}, where the contract lets it publish only`,
      { ...limit, skip: lacks.refusal ?? false },
      async () => {
        const ending = await endOf(world.read(`${world.room()}/${channel}`, { as: user }));
        assert.deepEqual([ending.code, ending.number], ['FORBIDDEN', 403]);
      },
    );
  }

  test('refuses a channel that the contract does not have', limit, async () => {
    const ending = await endOf(world.read(`${world.room()}/whispered`));
    assert.deepEqual([ending.code, ending.number], ['CHANNEL_NOT_FOUND', 404]);
  });

  test('refuses a path where no API stands', limit, async () => {
    assert.equal((await endOf(world.read('/nowhere/at/all'))).code, 'NOT_FOUND');
  });

  test('refuses a secret in the URL without repeating it', limit, async () => {
    const reading = world.readWith({ path: `${world.room()}/said`, key: undefined, query: { access_token: keyOf('open') } });
    assert.equal((await endOf(reading)).code, 'BAD_REQUEST');
  });

  const broken: readonly Readonly<Record<string, string>>[] = [
    { filter: 'data.n >' },
    { reader: 'a b' },
    { from: '2026-02-31T25:00:00Z' },
    { filter: 'x'.repeat(2000) },
  ];
  for (const query of broken) {
    test(`refuses ${JSON.stringify(query).slice(0, 60)}`, limit, async () => {
      assert.match((await endOf(world.read(`${world.room()}/said`, { query }))).code, /^(BAD_REQUEST|INVALID_FILTER)$/);
    });
  }
}

interface Body {
  readonly contentType: string;
  readonly bytes: Buffer;
  /** What a client gets. */
  readonly data: unknown;
}

const noText = Buffer.of(0, 255, 13, 10, 0xc3, 0x28);
const bodies: readonly Body[] = [
  { contentType: 'application/json', bytes: Buffer.from('{"a":"\\r\\n\\u0000"}'), data: { a: '\r\n\0' } },
  { contentType: 'application/json', bytes: Buffer.from('{\r\n  "a": 1\r}\n'), data: { a: 1 } },
  { contentType: 'application/json', bytes: Buffer.from('"\u2028 € 😀"'), data: '\u2028 € 😀' },
  { contentType: 'text/plain', bytes: Buffer.from('a\rb\nc\r\n\0d'), data: 'a\rb\nc\r\n\0d' },
  { contentType: 'application/octet-stream', bytes: noText, data: noText },
];

function delivery(world: ReadingWorld): void {
  test('delivers what is published after joining, in order, with positions', limit, async () => {
    const room = `${world.room()}/said`;
    await say(world.sluice, room, numbered('old-', 2));
    const reading = await world.join(room);
    const positions = await say(world.sluice, room, numbered('', 3));
    const events = await eventsOf(reading, 3);
    assert.deepEqual(
      events.map(({ id, position, data }) => [id, position, data]),
      [
        ['1', positions[0], { n: 1 }],
        ['2', positions[1], { n: 2 }],
        ['3', positions[2], { n: 3 }],
      ],
    );
  });

  test('delivers to every reader what one of them gets', limit, async () => {
    const room = `${world.room()}/said`;
    const readings = await Promise.all(Array.from({ length: 5 }, () => world.join(room)));
    await say(world.sluice, room, numbered('', 20));
    for (const reading of readings) assert.deepEqual(idsOf(await eventsOf(reading, 20)), idsOf(numbered('', 20)));
  });

  test('delivers data of every kind as it was sent', limit, async () => {
    const room = `${world.room()}/raw`;
    const reading = await world.join(room);
    for (const [index, body] of bodies.entries()) await sayBinary(world, room, `${index}`, body);
    const events = await eventsOf(reading, bodies.length);
    assert.deepEqual(
      events.map(({ data }) => data),
      bodies.map(({ data }) => data),
    );
  });

  test('reads many channels by a pattern with one merged position', limit, async () => {
    const room = world.room();
    const pattern = '/chat/*/said';
    const reading = await world.join(pattern);
    await say(world.sluice, `${room}-a/said`, numbered('a', 2));
    await say(world.sluice, `${room}-b/said`, numbered('b', 2));
    await say(world.sluice, `${room}-b/raw`, [{ id: 'c1', type: 'com.example.raw' }]);
    const first = await eventsOf(reading, 3);
    reading.close();
    await say(world.sluice, `${room}-a/said`, numbered('a', 1, 3));
    const resumed = world.read(pattern, { resume: first[2]?.position });
    assert.deepEqual(idsOf([...first, ...(await eventsOf(resumed, 2))]), ['a1', 'a2', 'b1', 'b2', 'a3']);
  });

  test('delivers what the filter lets through', limit, async () => {
    const room = `${world.room()}/said`;
    const reading = await world.join(room, { query: { filter: 'data.n % 3 == 0' } });
    await say(world.sluice, room, numbered('', 9));
    assert.deepEqual(idsOf(await eventsOf(reading, 3)), ['3', '6', '9']);
  });

  test('delivers one event of a megabyte whole', limit, async () => {
    const room = `${world.room()}/said`;
    const reading = await world.join(room);
    const text = 'é\r\n'.repeat(250_000);
    await say(world.sluice, room, [{ id: 'big', data: { text } }]);
    const [event] = await eventsOf(reading, 1);
    assert.ok((event?.data as { text: string } | undefined)?.text === text, 'the text came back changed');
  });
}

function beginnings(world: ReadingWorld): void {
  test('begins at the earliest event kept', limit, async () => {
    const room = `${world.room()}/said`;
    await say(world.sluice, room, numbered('', 1200));
    const reading = world.read(room, { query: { from: 'earliest' } });
    assert.deepEqual(idsOf(await eventsOf(reading, 1200)), idsOf(numbered('', 1200)));
  });

  test('begins at a time', limit, async () => {
    const room = `${world.room()}/said`;
    await say(world.sluice, room, numbered('before-', 2));
    const time = await momentBetween();
    await say(world.sluice, room, numbered('after-', 2));
    const reading = world.read(room, { query: { from: new Date(time).toISOString() } });
    assert.deepEqual(idsOf(await eventsOf(reading, 2)), ['after-1', 'after-2']);
  });

  test('begins after a position', limit, async () => {
    const room = `${world.room()}/said`;
    const positions = await say(world.sluice, room, numbered('', 4));
    const reading = world.read(room, { query: { from: positions[1] as string } });
    assert.deepEqual(idsOf(await eventsOf(reading, 2)), ['3', '4']);
  });

  test('resumes without gap or repeat, however often it is cut', limit, async () => {
    const room = `${world.room()}/said`;
    const seen: string[] = [];
    let resume: string | undefined;
    const publishing = (async () => {
      for (let n = 1; n <= 60; n += 3) await say(world.sluice, room, numbered('', 3, n));
    })();
    for (const share of [1, 7, 2, 20, 13, 17]) {
      const reading = world.read(room, resume === undefined ? { query: { from: 'earliest' } } : { resume });
      const events = await eventsOf(reading, share);
      reading.close();
      seen.push(...idsOf(events));
      resume = events.at(-1)?.position;
    }
    await publishing;
    assert.deepEqual(seen, idsOf(numbered('', 60)));
  });

  test('tells that a position is lost', limit, async () => {
    for (const wish of [{ query: { from: 'zzzzzz-7' } }, { resume: 'zzzzzz-7' }]) {
      const ending = await endOf(world.read(`${world.room()}/said`, wish));
      assert.equal(ending.code, 'POSITION_LOST');
    }
  });
}

function durability(world: ReadingWorld): void {
  test('keeps a named reader at what it confirmed', limit, async () => {
    const room = `${world.room()}/said`;
    const wish = { query: { reader: 'worker', from: 'earliest' } };
    const positions = await say(world.sluice, room, numbered('', 5));
    const first = world.read(room, wish);
    await eventsOf(first, 5);
    await first.confirm(positions[1] as string);
    first.close();
    const second = world.read(room, wish);
    assert.deepEqual(idsOf(await eventsOf(second, 3)), ['3', '4', '5']);
  });

  test('takes resuming as confirming', limit, async () => {
    const room = `${world.room()}/said`;
    const query = { reader: 'resumer', from: 'earliest' };
    const positions = await say(world.sluice, room, numbered('', 4));
    const first = world.read(room, { query });
    await eventsOf(first, 4);
    first.close();
    const second = world.read(room, { query, resume: positions[2] });
    await eventsOf(second, 1);
    second.close();
    const third = world.read(room, { query });
    assert.deepEqual(idsOf(await eventsOf(third, 1)), ['4']);
  });

  test('keeps readers of the same name on other channels apart', limit, async () => {
    const [one, other] = [`${world.room()}/said`, `${world.room()}/said`];
    const query = { reader: 'same', from: 'earliest' };
    const positions = await say(world.sluice, one, numbered('one-', 2));
    await say(world.sluice, other, numbered('other-', 2));
    const first = world.read(one, { query });
    await eventsOf(first, 2);
    await first.confirm(positions[1] as string);
    assert.deepEqual(idsOf(await eventsOf(world.read(other, { query }), 2)), ['other-1', 'other-2']);
  });
}

function limits(world: ReadingWorld, { lacks }: ReadingProtocol): void {
  test('delivers not one event past a limit and says when to come back', limit, async () => {
    const room = `${world.room()}/said`;
    await say(world.sluice, room, numbered('', 5));
    const reading = world.read(room, { as: 'tiny', query: { from: 'earliest' } });
    assert.deepEqual(idsOf(await eventsOf(reading, 3)), ['1', '2', '3']);
    const ending = await endOf(reading);
    assertToldWhen(ending, 'LIMIT_REACHED');
    assertToldWhen(await endOf(world.read(room, { as: 'tiny', query: { from: 'earliest' } })), 'LIMIT_REACHED');
  });

  test('refuses a connection too many and says when to come back', { ...limit, skip: lacks.connections ?? false }, async () => {
    const room = `${world.room()}/said`;
    const reading = await world.join(room, { as: 'single' });
    assertToldWhen(await endOf(world.read(room, { as: 'single' })), 'LIMIT_REACHED');
    await say(world.sluice, room, numbered('', 1));
    await eventsOf(reading, 1);
  });

  test('ends a connection whose time is over and says when to come back', { ...limit, skip: lacks.connections ?? false }, async () => {
    assertToldWhen(await endOf(world.read(`${world.room()}/said`, { as: 'brief' })), 'DURATION_OVER');
  });

  test('holds at a limit that is over in a second, says so, and goes on', limit, async () => {
    const room = `${world.room()}/said`;
    await say(world.sluice, room, numbered('', 5));
    const reading = world.read(room, { as: 'steady', query: { from: 'earliest' } });
    const told: Told[] = [];
    while (told.filter(({ kind }) => kind === 'event').length < 5) told.push(await reading.next());
    assert.ok(
      told.some(({ kind }) => kind === 'held'),
      'nobody said that delivery was held',
    );
    assert.deepEqual(
      told.flatMap((one) => (one.kind === 'event' ? [one.id] : [])),
      ['1', '2', '3', '4', '5'],
    );
  });
}

function overflow(world: ReadingWorld, { lacks }: ReadingProtocol): void {
  test('tells the gap that drop-oldest leaves, and what came last is there', { ...limit, skip: lacks.overflow ?? false }, async () => {
    const room = `${world.room()}/said`;
    const reading = await world.join(room, { as: 'forgetful' });
    const neighbour = await world.join(room);
    reading.stall();
    const [count, padding] = [400, noise(32_000)];
    for (let n = 1; n <= count; n += 1) await say(world.sluice, room, [{ id: `${n}`, data: { n, padding } }]);
    assert.equal((await eventsOf(neighbour, count)).length, count, 'a slow reader must not cost its neighbour anything');
    reading.unstall();
    let [seen, missed, last] = [0, 0, 0];
    while (last < count) {
      const told = await reading.next();
      assert.ok(told.kind === 'event' || told.kind === 'gap', `told ${JSON.stringify(told).slice(0, 200)}`);
      if (told.kind === 'gap') missed += told.events;
      else {
        const { n } = told.data as { n: number };
        seen += 1;
        assert.equal(n, seen + missed, 'an event is missing that no gap names');
        last = n;
      }
    }
    assert.ok(missed > 0, 'nothing was dropped');
    assert.equal(seen + missed, count);
  });
}

function endings(world: ReadingWorld): void {
  test('ends within a second of the key being revoked', limit, async () => {
    const path = ['applications', 'patient', 'credentials'];
    const client = world.sluice.client();
    let took = Infinity;
    // Once more where the machine stood still: who is late is late each time.
    for (let tries = 0; tries < 3 && took >= 1000; tries += 1) {
      const { id, value } = await client.post(path, { kind: 'api-key' });
      const reading = await world.alone({ path: `${world.room()}/said`, key: String(value) });
      const revokedAt = performance.now();
      await client.remove([...path, String(id)]);
      assert.equal((await endOf(reading)).code, 'CREDENTIAL_REVOKED');
      took = performance.now() - revokedAt;
    }
    assert.ok(took < 1000, `it took ${took} ms`);
  });

  test('ends when the subscription is paused', limit, async () => {
    const client = world.sluice.client();
    const { items } = await client.get(['subscriptions'], { application: 'single' });
    const [subscription] = items as { id: string }[];
    const reading = await world.alone({ path: `${world.room()}/said`, key: keyOf('single') });
    await client.post(['subscriptions', String(subscription?.id), 'pause'], { reason: 'unpaid' });
    assert.equal((await endOf(reading)).code, 'SUBSCRIPTION_INACTIVE');
    await client.post(['subscriptions', String(subscription?.id), 'resume'], {});
  });

  test('tells of a restart and when to come back, and goes on where it was', limit, async () => {
    const room = `${world.room()}/said`;
    const reading = await world.alone({ path: room, key: keyOf('open') });
    const [first] = await say(world.sluice, room, numbered('', 1));
    await eventsOf(reading, 1);
    await world.keeps(1);
    const restarting = world.sluice.restart({ grace: 1000 });
    assertToldWhen(await endOf(reading), 'RESTARTING');
    await restarting;
    await say(world.sluice, room, numbered('', 1, 2));
    assert.deepEqual(idsOf(await eventsOf(world.read(room, { resume: first }), 1)), ['2']);
  });
}

async function sayBinary(world: ReadingWorld, path: string, id: string, body: Body): Promise<void> {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-source': path,
    'ce-type': 'com.example.raw',
    'content-type': body.contentType,
  };
  const init = { method: 'POST', headers: { ...headers, authorization: `Bearer ${keyOf('provider')}` }, body: new Uint8Array(body.bytes) };
  const response = await fetch(`${world.sluice.gateway}${path}`, init);
  assert.equal(response.status, 202, await response.text());
}

/** A wall time between what was accepted before and what comes next. */
async function momentBetween(): Promise<number> {
  const before = Date.now();
  await until(
    async () => Date.now() > before + 1,
    () => 'the clock stands still',
  );
  const moment = Date.now();
  await until(
    async () => Date.now() > moment,
    () => 'the clock stands still',
  );
  return moment;
}
