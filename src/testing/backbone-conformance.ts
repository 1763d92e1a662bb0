import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Backbone } from '../core/backbone.ts';
import type { GatewayError } from '../core/errors.ts';
import type { EventDraft } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { draft, ids, numbered, readAll, refusal } from './backbone-events.ts';
import { everyInterleaving } from './backbone-interleaving.ts';
import { holdingBack, live } from './backbone-live.ts';
import type { BackboneTest } from './backbone-live.ts';
import { forgetting } from './backbone-retention.ts';

/** An opened backbone and how to leave nothing of it behind. */
export interface OpenedBackbone {
  readonly backbone: Backbone;
  dispose(): Promise<void>;
}

/** What an implementation cannot do, by the title of the test, with the reason. */
export type Skips = Readonly<Record<string, string>>;

/** The behaviour every backbone must have, as sentences; one line per implementation runs it. Every test has a log of its own. */
export function backboneConformance(name: string, open: () => Promise<OpenedBackbone>, skips: Skips = {}): void {
  describe(`${name} backbone`, () => {
    let opened: OpenedBackbone;
    let logs = 0;
    before(async () => {
      opened = await open();
    });
    after(() => opened.dispose());
    const test: BackboneTest = (title, run) =>
      void it(title, { skip: skips[title] ?? false }, async () => {
        const log = `default/conformance-${++logs}`;
        await opened.backbone.prepare(log, { dedupWindow: 60_000 });
        await run(opened.backbone, log);
      });
    placing(test);
    reading(test);
    reachingAllRows(test);
    locating(test);
    repeating(test);
    forgetting(test);
    live(test);
    holdingBack(test);
    everyInterleaving((title, run) => void it(title, { skip: skips[title] ?? false }, (context) => run(opened.backbone, context)));
    it('refuses what comes after it was closed', { skip: skips['refuses what comes after it was closed'] ?? false }, async () => {
      await opened.backbone.close();
      await assert.rejects(
        opened.backbone.publish({ log: 'default/conformance-1', address: 'a' }, [draft('late')]),
        refusal('BACKBONE_UNAVAILABLE'),
      );
      await assert.rejects(
        opened.backbone.consume({ log: 'default/conformance-1', address: 'a' }, () => undefined),
        refusal('BACKBONE_UNAVAILABLE'),
      );
    });
  });
}

function placing(test: BackboneTest): void {
  test('gives back every attribute and the very bytes of the data', async (backbone, log) => {
    const channel = { log, address: 'orders/42/created' };
    const drafts = [
      draft('plain', { data: undefined, dataKind: 'binary' }),
      draft('empty', { data: new Uint8Array(0), dataKind: 'binary' }),
      draft('bytes', { data: new Uint8Array([0, 255, 128, 10, 13]), dataKind: 'binary', datacontenttype: 'application/octet-stream' }),
      draft('full', {
        source: 'https://example.com/größe?a=b#c',
        type: 'com.example.完全',
        subject: 'ein Betreff 🎈',
        time: '2026-02-29T12:00:00.123456789+05:45',
        datacontenttype: 'application/json; charset=utf-8',
        dataschema: 'https://example.com/schema',
        extensions: { text: 'x', empty: '', number: 2147483647, negative: -1, yes: true, no: false },
        data: Buffer.from('{ "a" : 1.0 }'),
        dataKind: 'json',
      }),
      draft('same', {
        source: 'https://example.com/größe?a=b#c',
        type: 'com.example.完全',
        datacontenttype: 'application/json; charset=utf-8',
        dataschema: 'https://example.com/schema',
      }),
      draft('x'.repeat(70_000), { data: Buffer.alloc(300_000, 'y') }),
    ];
    const earliest = Date.now() - 60_000;
    const placed = await backbone.publish(channel, drafts);
    const events = await readAll(backbone, channel);
    assert.deepEqual(events.map(attributes), drafts.map(attributes));
    assert.deepEqual(
      events.map(({ position }) => position),
      placed.map(({ position }) => position),
    );
    for (const event of events) {
      assert.equal(event.address, channel.address);
      assert.ok(event.acceptedAt > earliest && event.acceptedAt < Date.now() + 60_000);
    }
  });

  test('gives positions that grow with the order of publishing, are safe in URLs and short', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const positions: Position[] = [];
    for (let round = 0; round < 5; round++)
      for (const { position, duplicate } of await backbone.publish(channel, numbered(3, `${round}-`))) {
        assert.equal(duplicate, false);
        positions.push(position);
      }
    for (let index = 1; index < positions.length; index++) assert.ok(backbone.compare(positions[index - 1]!, positions[index]!) < 0);
    for (const position of positions) assert.match(position, /^[A-Za-z0-9._~-]{1,128}$/);
    assert.equal(backbone.compare(positions[3]!, positions[3]!), 0);
    assert.deepEqual(await backbone.publish(channel, []), []);
  });

  test('keeps the order of one publisher when many publish at the same time', async (backbone, log) => {
    const channel = { log, address: 'a' };
    await Promise.all(
      Array.from({ length: 8 }, async (_, publisher) => {
        for (let round = 0; round < 10; round++) await backbone.publish(channel, numbered(3, `${publisher}:${round}:`));
      }),
    );
    const events = await readAll(backbone, channel);
    assert.equal(events.length, 240);
    for (let publisher = 0; publisher < 8; publisher++) {
      const own = ids(events).filter((id) => id.startsWith(`${publisher}:`));
      assert.deepEqual(own, Array.from({ length: 10 }, (_, round) => ids3(publisher, round)).flat());
    }
  });

  test('keeps channels of a log apart, and logs apart', async (backbone, log) => {
    const other = `${log}-other`;
    await backbone.prepare(other, { dedupWindow: 60_000 });
    await backbone.publish({ log, address: 'a' }, [draft('1')]);
    await backbone.publish({ log, address: 'b' }, [draft('2')]);
    await backbone.publish({ log: other, address: 'a' }, [draft('1')]);
    assert.deepEqual(ids(await readAll(backbone, { log, address: 'a' })), ['1']);
    assert.deepEqual(ids(await readAll(backbone, { log, address: 'b' })), ['2']);
    assert.deepEqual(ids(await readAll(backbone, { log: other, address: 'a' })), ['1']);
    assert.deepEqual(ids(await readAll(backbone, { log, address: 'c' })), []);
  });
}

const ids3 = (publisher: number, round: number): string[] => [0, 1, 2].map((index) => `${publisher}:${round}:${index}`);

function attributes({ id, source, type, subject, time, datacontenttype, dataschema, extensions, data, dataKind }: EventDraft): unknown {
  return {
    id,
    source,
    type,
    subject,
    time,
    datacontenttype,
    dataschema,
    extensions,
    data: data && Buffer.from(data).toString('hex'),
    dataKind,
  };
}

function reading(test: BackboneTest): void {
  test('reads at most as many events as asked, and goes on where it stopped', async (backbone, log) => {
    const channel = { log, address: 'a' };
    await backbone.publish(channel, numbered(25));
    for (const limit of [1, 7, 25, 26])
      assert.deepEqual(ids(await readAll(backbone, channel, undefined, limit)), ids(await readAll(backbone, channel)), `pages of ${limit}`);
    const start = await backbone.locate(channel, { at: 'earliest' });
    const page = await backbone.read({ channel, after: start, limit: 7 });
    assert.deepEqual(ids(page.events), ids(await readAll(backbone, channel)).slice(0, 7));
    assert.equal(page.position, page.events[6]!.position);
  });

  test('never reads past until, and says it was reached when there is nothing more before it', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const placed = await backbone.publish(channel, numbered(10));
    const [after, until] = [placed[2]!.position, placed[6]!.position];
    const page = await backbone.read({ channel, after, until, limit: 100 });
    assert.deepEqual(ids(page.events), ['e3', 'e4', 'e5', 'e6']);
    assert.equal(page.position, until);
    assert.deepEqual(await backbone.read({ channel, after: until, until, limit: 100 }), { events: [], position: until });
    assert.deepEqual(await backbone.read({ channel: { log, address: 'silent' }, after, until, limit: 100 }), {
      events: [],
      position: until,
    });
  });

  test('stops when the payloads exceed maxBytes, after at least one event', async (backbone, log) => {
    const channel = { log, address: 'a' };
    await backbone.publish(
      channel,
      Array.from({ length: 10 }, (_, index) => draft(`e${index}`, { data: Buffer.alloc(1000) })),
    );
    const after = await backbone.locate(channel, { at: 'earliest' });
    const counts = [];
    for (const maxBytes of [1, 999, 2500, 1_000_000])
      counts.push((await backbone.read({ channel, after, limit: 100, maxBytes })).events.length);
    assert.deepEqual(counts, [1, 1, 3, 10]);
  });

  test('merges the channels of a pattern in the order of one position', async (backbone, log) => {
    for (let index = 0; index < 30; index++)
      await backbone.publish({ log, address: ['orders/1/created', 'orders/2/created', 'orders/1/paid'][index % 3]! }, [draft(`e${index}`)]);
    const every = await readAll(backbone, { log, address: '*' });
    assert.deepEqual(
      ids(every),
      numbered(30).map(({ id }) => id),
    );
    for (let index = 1; index < every.length; index++) assert.ok(backbone.compare(every[index - 1]!.position, every[index]!.position) < 0);
    for (const limit of [1, 4, 100]) {
      const created = await readAll(backbone, { log, address: 'orders/*/created' }, undefined, limit);
      assert.deepEqual(
        ids(created),
        ids(every).filter((_, index) => index % 3 !== 2),
      );
      assert.deepEqual(created[1]!.address, 'orders/2/created');
    }
    assert.deepEqual(ids(await readAll(backbone, { log, address: 'orders/*' })), []);
  });

  test('says how far behind a position is', async (backbone, log) => {
    const channel = { log, address: 'orders/1' };
    const start = await backbone.locate(channel, { at: 'earliest' });
    assert.deepEqual(await backbone.lag(channel, start), { events: 0, oldest: undefined });
    const first = await backbone.publish(channel, numbered(5, 'a'));
    await backbone.publish({ log, address: 'orders/2' }, numbered(3, 'b'));
    await backbone.publish(channel, numbered(4, 'c'));
    const counts = async (position: Position) =>
      Promise.all(
        ['orders/1', 'orders/2', 'orders/*', '*'].map(async (address) => (await backbone.lag({ log, address }, position)).events),
      );
    assert.deepEqual(await counts(start), [9, 3, 12, 12]);
    assert.deepEqual(await counts(first[1]!.position), [7, 3, 10, 10]);
    assert.deepEqual(await counts(await backbone.locate(channel, { at: 'latest' })), [0, 0, 0, 0]);
    const ofSecond = await backbone.lag({ log, address: '*' }, first[1]!.position, (address) => address === 'orders/2');
    assert.equal(ofSecond.events, 3);
    const events = await readAll(backbone, channel);
    assert.equal((await backbone.lag(channel, first[4]!.position)).oldest, events[5]!.acceptedAt);
  });
}

function reachingAllRows(test: BackboneTest): void {
  test('finds the one event of a channel among thousands of others', async (backbone, log) => {
    const crowd = (name: string) =>
      Promise.all(
        Array.from({ length: 1500 }, (_, index) =>
          backbone.publish({ log, address: `noise/${name}/${index}` }, [draft(`${name}${index}`)]),
        ),
      );
    await crowd('before');
    const [needle] = await backbone.publish({ log, address: 'needle/here' }, [draft('needle')]);
    await crowd('after');
    for (const address of ['needle/here', 'needle/*']) {
      const channel = { log, address };
      const { events } = await backbone.read({ channel, after: await backbone.locate(channel, { at: 'earliest' }), limit: 10 });
      assert.deepEqual(
        events.map(({ position }) => position),
        [needle!.position],
      );
    }
    assert.equal((await readAll(backbone, { log, address: 'noise/*/*' }, undefined, 700)).length, 3000);
  });

  test('takes thousands of events at once, and parts of them by position', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const placed = await backbone.publish(channel, numbered(5000));
    assert.equal(new Set(placed.map(({ position }) => position)).size, 5000);
    const page = await backbone.read({ channel, after: placed[1999]!.position, until: placed[3999]!.position, limit: 10_000 });
    assert.deepEqual(
      ids(page.events),
      numbered(5000)
        .slice(2000, 4000)
        .map(({ id }) => id),
    );
  });
}

function locating(test: BackboneTest): void {
  test('locates the earliest, the latest, a position and a time', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const start = await backbone.locate(channel, { at: 'earliest' });
    assert.equal(await backbone.locate(channel, { at: 'latest' }), start);
    const placed = await backbone.publish(channel, numbered(3));
    assert.equal(await backbone.locate(channel, { at: 'earliest' }), start);
    assert.equal(await backbone.locate(channel, { at: 'latest' }), placed[2]!.position);
    assert.equal(await backbone.locate(channel, { at: 'position', position: placed[1]!.position }), placed[1]!.position);
    const [first] = await readAll(backbone, channel);
    assert.equal(await backbone.locate(channel, { at: 'time', time: 0 }), start);
    assert.equal(await backbone.locate(channel, { at: 'time', time: first!.acceptedAt }), start);
    assert.equal(await backbone.locate(channel, { at: 'time', time: Date.now() + 3_600_000 }), placed[2]!.position);
  });

  test('locates the newest event of a channel and of a pattern, whatever came after it elsewhere', async (backbone, log) => {
    const one = { log, address: 'one/a' };
    const newestOf = async (address: string): Promise<string[]> => {
      const after = await backbone.locate({ log, address }, { at: 'newest' });
      return ids((await backbone.read({ channel: { log, address }, after, limit: 10 })).events);
    };
    await backbone.publish({ log, address: 'two/b' }, [draft('before')]);
    assert.deepEqual(await newestOf('one/a'), []);
    await backbone.publish(one, [draft('first'), draft('second'), draft('third')]);
    await backbone.publish({ log, address: 'two/b' }, numbered(3));
    assert.deepEqual(await newestOf('one/a'), ['third']);
    assert.deepEqual(await newestOf('*/a'), ['third']);
    assert.deepEqual(await newestOf('*/c'), []);
    assert.deepEqual(await newestOf('*'), [numbered(3).at(-1)?.id]);
  });

  test('refuses a position of another form, and says of one it cannot use which is the oldest it can', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const other = { log: `${log}-other`, address: 'a' };
    await backbone.prepare(other.log, { dedupWindow: 0 });
    const [foreign] = await backbone.publish(other, [draft('1')]);
    await backbone.publish(channel, [draft('1')]);
    const attempts = (position: string): (() => Promise<unknown>)[] => [
      () => backbone.locate(channel, { at: 'position', position }),
      () => backbone.read({ channel, after: position as Position, limit: 1 }),
      () => backbone.lag(channel, position as Position),
    ];
    for (const position of ['', 'nonsense', ' ', '0', '-1', `${foreign!.position} `, `${foreign!.position}\n`, 'x'.repeat(10_000)]) {
      for (const attempt of attempts(position)) await assert.rejects(attempt, refusal('BAD_REQUEST'), position.slice(0, 20));
    }
    for (const attempt of attempts(foreign!.position)) {
      await assert.rejects(attempt, (error: GatewayError) => {
        const oldest = error.details['oldest'] as Position;
        return refusal('POSITION_LOST')(error) && oldest !== undefined && backbone.compare(oldest, oldest) === 0;
      });
    }
  });
}

function repeating(test: BackboneTest): void {
  test('accepts a repeated source and id once, and answers with the first position', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const [first] = await backbone.publish(channel, [draft('1')]);
    const again = await backbone.publish(channel, [draft('2'), draft('1', { data: Buffer.from('other') }), draft('2')]);
    assert.deepEqual(
      again.map(({ duplicate }) => duplicate),
      [false, true, true],
    );
    assert.equal(again[1]!.position, first!.position);
    assert.equal(again[2]!.position, again[0]!.position);
    assert.deepEqual(ids(await readAll(backbone, channel)), ['1', '2']);
    const [fresh] = await backbone.publish(channel, [draft('1', { source: '/another' })]);
    assert.equal(fresh!.duplicate, false);
  });

  test('takes the same source and id on another channel of the log for another event', async (backbone, log) => {
    const [a, b] = await Promise.all(['a', 'b'].map((address) => backbone.publish({ log, address }, [draft('1')])));
    const [c] = await backbone.publish({ log, address: 'c' }, [draft('1')]);
    assert.deepEqual([a![0]!.duplicate, b![0]!.duplicate, c!.duplicate], [false, false, false]);
    for (const address of ['a', 'b', 'c']) assert.deepEqual(ids(await readAll(backbone, { log, address })), ['1'], address);
    assert.deepEqual(await backbone.publish({ log, address: 'b' }, [draft('1')]), [{ position: b![0]!.position, duplicate: true }]);
  });

  test('accepts once what many publish at the same time', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => backbone.publish(channel, [draft('same'), draft(`own${index}`)])),
    );
    assert.equal(answers.filter(([placed]) => !placed!.duplicate).length, 1);
    assert.equal(new Set(answers.map(([placed]) => placed!.position)).size, 1);
    assert.equal((await readAll(backbone, channel)).length, 21);
  });

  test('takes every event for a new one when its window is zero, and keeps a log that is prepared again', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const [first] = await backbone.publish(channel, [draft('1')]);
    await backbone.prepare(log, { dedupWindow: 0 });
    const answers = await Promise.all([backbone.publish(channel, [draft('1'), draft('1')]), backbone.publish(channel, [draft('1')])]);
    assert.deepEqual(
      answers.flat().map(({ duplicate }) => duplicate),
      [false, false, false],
    );
    const events = await readAll(backbone, channel);
    assert.equal(events.length, 4);
    assert.equal(events[0]!.position, first!.position);
  });
}
