import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Event } from '../../core/event.ts';
import type { Position } from '../../core/position.ts';
import { PushBook } from '../../push/push-book.ts';
import { noTries } from '../../push/retry-schedule.ts';
import { draft } from '../../testing/backbone-events.ts';
import { ControlFixture, unreadByOwner } from '../control-fixture.ts';

const url = 'https://example.com/hook';

describe('Deliveries over HTTP', () => {
  let control: ControlFixture;
  let endpoint: string;
  let key: string;
  let stranger: string;
  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    await control.expect(201, 'POST', '/apis/orders/plans', { body: { name: 'push', mode: 'push' } });
    key = (await control.expect(201, 'POST', '/applications/dashboard/credentials', { body: {} })).json.value;
    await control.expect(201, 'POST', '/applications', { body: { name: 'other' } });
    stranger = (await control.expect(201, 'POST', '/applications/other/credentials', { body: {} })).json.value;
    endpoint = await add('first');
  });
  after(() => control.stop());

  let subscription: string | undefined;
  async function add(name: string, more: object = {}): Promise<string> {
    const wish = { api: 'orders', application: 'dashboard', plan: 'push' };
    subscription ??= (await control.expect(201, 'POST', '/subscriptions', { body: wish })).json.id as string;
    return (await control.expect(201, 'POST', '/endpoints', { body: { subscription, name, url, ...more } })).json.id;
  }

  async function write(fill: (book: PushBook) => void, now = control.clock.time): Promise<void> {
    const book = new PushBook();
    fill(book);
    await control.database.transact(book.collect(now));
  }

  const place = (n: number): Position => `p${String(n).padStart(4, '0')}` as Position;

  function owe(book: PushBook, of: string, n: number, state: 'waiting' | 'dead', data = '{}'): void {
    const event = new Event({ ...draft(`e${n}`), data: Buffer.from(data), dataKind: 'json' }, 'created', place(n), 1000 + n);
    const dueAt = state === 'dead' ? undefined : control.clock.time + 60_000;
    const named = { endpoint: of, tenant: 'default', position: place(n), eventId: event.id, eventType: event.type, key: undefined };
    book.put({ ...named, state, reason: 'exhausted', attempts: 4, tries: { ...noTries, counted: 4 }, dueAt, isBilled: false }, event);
  }

  function attempt(
    book: PushBook,
    n: number,
    more: { readonly response?: Uint8Array; readonly truncated?: 'limit'; readonly status?: number },
  ) {
    const { response, truncated, status } = more;
    const head = status === undefined ? {} : { response: [['content-type', 'text/plain']], truncated };
    book.attempted({
      tenant: 'default',
      endpoint,
      position: place(n),
      eventId: `e${n}`,
      eventType: 'com.example.test',
      attempt: 1,
      lane: 'first',
      at: control.clock.time,
      outcome: status === 200 ? 'delivered' : 'retry',
      status,
      failure: status === undefined ? 'timeout' : undefined,
      sentence: status === undefined ? 'It took too long.' : undefined,
      duration: 12.4,
      detail: { url, timings: { totalMs: 12.4 }, request: [['authorization', '***']], ...head },
      response,
      nextAt: status === 200 ? undefined : control.clock.time + 5000,
    });
  }

  it('show every attempt, newest first, with the answer as text where it is text', async () => {
    await write((book) => {
      attempt(book, 1, {});
      attempt(book, 2, { status: 500, response: Buffer.from('nö') });
      attempt(book, 3, { status: 500, response: Buffer.from('nö').subarray(0, 2), truncated: 'limit' });
      attempt(book, 4, { status: 200, response: Buffer.from([0xff, 0x00]) });
    });
    const { items } = (await control.expect(200, 'GET', `/endpoints/${endpoint}/attempts`)).json;
    assert.deepEqual(
      items.map(({ event, status, response }: any) => [event, status, response?.body, response?.encoding]),
      [
        ['e4', 200, '/wA=', 'base64'],
        ['e3', 500, 'n', 'text'],
        ['e2', 500, 'nö', 'text'],
        ['e1', null, undefined, undefined],
      ],
    );
    const [, , , failed] = items;
    assert.deepEqual(
      [failed.failure, failed.sentence, failed.nextAt, failed.duration],
      ['timeout', 'It took too long.', control.clock.time + 5000, 12],
    );
    assert.deepEqual(failed.request, [['authorization', '***']]);
  });

  it('are found by event and outcome, page by page', async () => {
    const ids = async (query: string): Promise<string[]> =>
      (await control.expect(200, 'GET', `/endpoints/${endpoint}/attempts${query}`)).json.items.map(({ event }: any) => event);
    assert.deepEqual(await ids('?event=e2'), ['e2']);
    assert.deepEqual(await ids('?outcome=delivered'), ['e4']);
    assert.deepEqual(await ids('?outcome=retry&event=e4'), []);
    const seen: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const page: any = (await control.expect(200, 'GET', `/endpoints/${endpoint}/attempts?limit=3${next && `&after=${next}`}`)).json;
      seen.push(...page.items.map(({ event }: any) => event));
      next = page.next;
    }
    assert.deepEqual(seen, ['e4', 'e3', 'e2', 'e1']);
    for (const query of ['?outcome=lost', '?after=%00', '?after=eA', '?limit=0'])
      await control.refused('BAD_REQUEST', 'GET', `/endpoints/${endpoint}/attempts${query}`);
  });

  it('that are owed or dead are listed, counted and retried while nobody delivers', async () => {
    const of = await add('owing');
    await write((book) => {
      for (const n of [1, 2, 3, 4, 5]) owe(book, of, n, n === 1 ? 'waiting' : 'dead');
    });
    const list = async (query: string): Promise<any[]> =>
      (await control.expect(200, 'GET', `/endpoints/${of}/deliveries${query}`)).json.items;
    const states = async (): Promise<string[]> => (await list('')).map(({ event, state }) => `${event} ${state}`);
    assert.deepEqual(await states(), ['e1 waiting', 'e2 dead', 'e3 dead', 'e4 dead', 'e5 dead']);
    assert.deepEqual(
      (await list('?state=dead&limit=2')).map(({ position }) => position),
      [place(2), place(3)],
    );
    control.clock.time += 1000;
    assert.deepEqual((await control.expect(200, 'POST', `/endpoints/${of}/deliveries/${place(3)}/retry`)).json, { retried: 1 });
    assert.deepEqual((await control.expect(200, 'POST', `/endpoints/${of}/deliveries/${place(1)}/retry`)).json, { retried: 1 });
    const due = await list('?state=waiting');
    assert.deepEqual(
      due.map(({ event, dueAt, attempts }) => [event, dueAt, attempts]),
      [
        ['e1', control.clock.time, 4],
        ['e3', control.clock.time, 4],
      ],
    );
    const [row] = await control.database.query('SELECT counted FROM push_delivery WHERE endpoint = ? AND position = ?', [of, place(3)]);
    assert.equal(row?.['counted'], 0);
    const bulk = async (body: object) => (await control.expect(200, 'POST', `/endpoints/${of}/deliveries/retry`, { body })).json;
    assert.deepEqual(await bulk({ state: 'dead', before: control.clock.time - 2000 }), {
      retried: 0,
      left: 0,
      before: control.clock.time - 2000,
    });
    assert.deepEqual(await bulk({ state: 'dead', limit: 2 }), { retried: 2, left: 1, before: control.clock.time });
    assert.deepEqual(await bulk({ state: 'dead', limit: 2 }), { retried: 1, left: 0, before: control.clock.time });
    const { json } = await control.expect(200, 'GET', `/endpoints/${of}/status`);
    assert.deepEqual([json.waiting, json.dead, json.state, json.held, json.refused, json.reader], [5, 0, 'started', null, null, null]);
    for (const body of [{}, { state: 'waiting' }, { state: 'dead', limit: 1001 }, { state: 'dead', before: 'yesterday' }])
      await control.refused('BAD_REQUEST', 'POST', `/endpoints/${of}/deliveries/retry`, { body });
    await control.refused('NOT_FOUND', 'POST', `/endpoints/${of}/deliveries/${place(9)}/retry`);
  });

  it('that wait or are given up are shown with their event as it was published, numbers of any length too', async () => {
    const of = await add('looked-at');
    await write((book) => {
      owe(book, of, 1, 'dead', '{"total":12345678901234567890, "tax":1.10}');
      owe(book, of, 2, 'waiting');
    });
    const { json, text } = await control.expect(200, 'GET', `/endpoints/${of}/deliveries/${place(1)}`, { token: key });
    assert.deepEqual([json.event, json.state, json.reason, json.attempts, json.dueAt], ['e1', 'dead', 'exhausted', 4, null]);
    const { specversion, id, type, position } = json.cloudEvent;
    assert.deepEqual([specversion, id, type, position], ['1.0', 'e1', json.type, place(1)]);
    assert.match(text, /"data":\{"total":12345678901234567890, "tax":1\.10\}\}\}$/);
    assert.equal((await control.expect(200, 'GET', `/endpoints/${of}/deliveries/${place(2)}`)).json.state, 'waiting');
    await control.refused('NOT_FOUND', 'GET', `/endpoints/${of}/deliveries/${place(9)}`);
  });

  it('that are given up are discarded, one or many, and the audit says who did', async () => {
    const of = await add('thrown');
    await write((book) => {
      for (const n of [1, 2, 3, 4, 5]) owe(book, of, n, n === 1 ? 'waiting' : 'dead');
    });
    const path = `/endpoints/${of}/deliveries`;
    await control.expect(204, 'DELETE', `${path}/${place(3)}`, { token: key });
    assert.match((await control.refused('CONFLICT', 'DELETE', `${path}/${place(1)}`)).json.detail, /is to be sent/);
    await control.refused('NOT_FOUND', 'DELETE', `${path}/${place(3)}`);
    await control.refused('NOT_FOUND', 'POST', `${path}/${place(3)}/retry`);
    const many = async (body: object) => (await control.expect(200, 'POST', `${path}/discard`, { body })).json;
    control.clock.time += 1000;
    const before = control.clock.time - 2000;
    assert.deepEqual(await many({ state: 'dead', before }), { discarded: 0, left: 0, before });
    assert.deepEqual(await many({ state: 'dead', limit: 2 }), { discarded: 2, left: 1, before: control.clock.time });
    assert.deepEqual(await many({ state: 'dead', limit: 2 }), { discarded: 1, left: 0, before: control.clock.time });
    const { items: left } = (await control.expect(200, 'GET', path)).json;
    assert.deepEqual(
      left.map(({ event, state }: any) => `${event} ${state}`),
      ['e1 waiting'],
    );
    for (const body of [{}, { state: 'waiting' }, { state: 'dead', limit: 1001 }])
      await control.refused('BAD_REQUEST', 'POST', `${path}/discard`, { body });
    const { items } = (await control.expect(200, 'GET', '/audit?kind=endpoint&name=thrown')).json;
    assert.deepEqual(
      items.slice(0, 3).map(({ action, actor }: any) => `${action} by ${actor}`),
      ['endpoint.discard by admin', 'endpoint.discard by admin', 'endpoint.discard by application:dashboard'],
    );
  });

  it('of an address that their application may not read any more are shown to an administrator alone', async () => {
    const of = await add(unreadByOwner);
    await write((book) => owe(book, of, 1, 'dead'));
    await control.refused('FORBIDDEN', 'GET', `/endpoints/${of}/deliveries/${place(1)}`, { token: key });
    await control.expect(200, 'GET', `/endpoints/${of}/deliveries/${place(1)}`);
    await control.expect(204, 'DELETE', `/endpoints/${of}/deliveries/${place(1)}`, { token: key });
  });

  it('are shown as far as they can be read, and refused where what was kept is damaged', async () => {
    const of = await add('damaged');
    await write((book) => {
      owe(book, of, 1, 'dead');
      attempt(book, 71, { status: 500 });
      book.keepState(of, 'default', '{"failing":{"state":5}}');
    });
    const damages = [
      [`UPDATE push_delivery SET event = x'7b' WHERE endpoint = ?`, of],
      [`UPDATE push_attempt SET detail = '{"url', events = '[' WHERE event_id = ?`, 'e71'],
    ] as const;
    await control.database.transact(damages.map(([sql, value]) => ({ sql, parameters: [value] })));
    const { json } = await control.refused('CONFLICT', 'POST', `/endpoints/${of}/deliveries/${place(1)}/retry`);
    assert.deepEqual([json.reason, json.position], ['unreadable', place(1)]);
    assert.match(json.detail, /cannot be read any more/);
    await control.refused('CONFLICT', 'GET', `/endpoints/${of}/deliveries/${place(1)}`);
    assert.equal((await control.expect(200, 'GET', `/endpoints/${of}/status`)).json.dead, 1);
    const [shown] = (await control.expect(200, 'GET', `/endpoints/${endpoint}/attempts?event=e71`)).json.items;
    assert.deepEqual([shown.status, shown.events, shown.response], [500, [], null]);
    assert.match(shown.sentence, /cannot be read in part/);
  });

  it('SW-18: say why an endpoint is sent nothing', async () => {
    const of = await add('stopped');
    const failing = { state: 'stopped', stopReason: 'GONE', stoppedAt: 5, failingSince: 4, consecutiveFailures: 1, failedMessages: [] };
    await write((book) => book.keepState(of, 'default', JSON.stringify({ failing, breaker: { openUntil: undefined, openings: 0 } })));
    const stopped = (await control.expect(200, 'GET', `/endpoints/${of}/status`)).json;
    assert.deepEqual([stopped.state, stopped.held.code, stopped.stoppedAt, stopped.failures], ['stopped', 'GONE', 5, 1]);
    assert.match(stopped.held.sentence, /410 Gone/);
    await control.expect(200, 'POST', `/endpoints/${of}/pause`);
    const paused = (await control.expect(200, 'GET', `/endpoints/${of}/status`)).json;
    assert.deepEqual([paused.state, paused.held.code], ['paused', 'PAUSED_BY_OPERATOR']);
  });

  it('say how long what is given up is kept, which is not what the endpoint says where the operator keeps it for less', async () => {
    const kept = async (of: string): Promise<string> => (await control.expect(200, 'GET', `/endpoints/${of}/status`)).json.keepDeadLetters;
    const ids = [await add('unsaid'), await add('short', { keepDeadLetters: '2d' }), await add('long', { keepDeadLetters: '366d' })];
    assert.deepEqual(await Promise.all(ids.map(kept)), ['30d', '2d', '30d']);
  });

  it('are shown to their application and retried by it, and are not there for others', async () => {
    const of = await add('owned');
    await write((book) => owe(book, of, 1, 'dead'));
    const routes = [
      ['GET', '/status', undefined],
      ['GET', '/attempts', undefined],
      ['GET', '/deliveries', undefined],
      ['GET', `/deliveries/${place(1)}`, undefined],
      ['POST', `/deliveries/${place(1)}/retry`, undefined],
      ['POST', '/deliveries/retry', { state: 'dead' }],
      ['POST', '/deliveries/discard', { state: 'dead' }],
    ] as const;
    for (const [method, path, body] of routes) {
      await control.refused('NOT_FOUND', method, `/endpoints/${of}${path}`, { token: stranger, body });
      await control.refused('UNAUTHENTICATED', method, `/endpoints/${of}${path}`, { token: undefined, body });
    }
    assert.equal((await control.expect(200, 'GET', `/endpoints/${of}/status`)).json.dead, 1);
    for (const [method, path, body] of routes) await control.expect(200, method, `/endpoints/${of}${path}`, { token: key, body });
    assert.equal((await control.expect(200, 'GET', `/endpoints/${of}/status`)).json.dead, 0);
  });
});
