import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ReaderStatus } from '../../metering/reader-status.ts';
import type { Reply } from '../control-fixture.ts';
import { ControlFixture } from '../control-fixture.ts';
import { nobody } from '../own.ts';

describe('An application with its own key', () => {
  let control: ControlFixture;
  let mine: { readonly key: string; readonly subscription: string };
  let theirs: { readonly key: string; readonly subscription: string };

  before(async () => {
    control = await ControlFixture.start();
    await control.seed();
    mine = await application('mine');
    theirs = await application('theirs');
    for (const [id, owner, { subscription }] of [
      ['r-mine', 'mine', mine],
      ['r-theirs', 'theirs', theirs],
    ] as const)
      control.readers.set(id, readerOf(id, owner, subscription));
  });
  beforeEach(() => void control.asked.splice(0));
  after(() => control.stop());

  async function application(name: string): Promise<{ key: string; subscription: string }> {
    await control.expect(201, 'POST', '/applications', { body: { name } });
    const key = await keyOf(name);
    const { id } = (await control.expect(201, 'POST', '/subscriptions', { body: { api: 'orders', application: name, plan: 'free' } })).json;
    return { key, subscription: id };
  }

  async function keyOf(name: string): Promise<string> {
    return (await control.expect(201, 'POST', `/applications/${name}/credentials`, { body: { kind: 'api-key' } })).json.value;
  }

  const see = (path: string, token = mine.key): Promise<Reply> => control.expect(200, 'GET', path, { token });
  const ids = (reply: Reply): string[] => reply.json.items.map(({ id }: { id: string }) => id);

  /** What belongs to another must be answered to the letter as what never was. */
  async function isAsAbsent(path: string, absent: string): Promise<void> {
    const shape = async (name: string): Promise<unknown> => {
      const { status, text } = await control.call('GET', path.replace('{}', name), { token: mine.key });
      return [status, text.replaceAll(name, '{}')];
    };
    for (const name of ['theirs', theirs.subscription, 'r-theirs'])
      assert.deepEqual(await shape(name), await shape(absent), `${path} ${name}`);
  }

  it('sees its own subscriptions and none besides', async () => {
    assert.deepEqual(ids(await see('/subscriptions')), [mine.subscription]);
    assert.deepEqual(ids(await see('/subscriptions?application=mine&limit=1')), [mine.subscription]);
    assert.equal((await see('/subscriptions?limit=1')).json.next, null);
    assert.equal((await see(`/subscriptions/${mine.subscription}`)).json.application, 'mine');
    assert.equal((await control.expect(200, 'GET', '/subscriptions')).json.items.length, 2);
    await isAsAbsent('/subscriptions?application={}', 'nosuch');
    await isAsAbsent('/subscriptions/{}', 'sub_000000000000');
  });

  it('sees what was refused to it, and to nobody else', async () => {
    assert.deepEqual((await see(`/subscriptions/${mine.subscription}/refusals`)).json.items, [{ code: 'LIMIT_REACHED' }]);
    await isAsAbsent('/subscriptions/{}/refusals', 'sub_000000000000');
    assert.deepEqual(
      control.asked.map(([what, , subscription]) => [what, subscription]),
      [['refusals', mine.subscription]],
    );
  });

  it('sees its own readers and none besides', async () => {
    assert.deepEqual(ids(await see('/readers')), ['r-mine']);
    assert.equal((await see('/readers/r-mine')).json.application, 'mine');
    await isAsAbsent('/readers/{}', 'r-none');
    await see('/readers?application=theirs');
    await see(`/readers?subscription=${theirs.subscription}`);
    assert.deepEqual(
      control.asked.map(([, , query]) => (query as { application: string }).application),
      ['mine', nobody, 'mine'],
    );
    await control.refused('UNAUTHENTICATED', 'DELETE', '/readers/r-mine', { token: mine.key });
  });

  it('sees its own usage, whatever it asks for', async () => {
    for (const query of [
      '',
      '?application=mine',
      '?application=theirs',
      `?application=${nobody}`,
      `?subscription=${theirs.subscription}`,
      '?by=type',
    ])
      await control.call('GET', `/usage${query}`, { token: mine.key });
    assert.deepEqual(
      control.asked.map(([, , query]) => (query as { application: string }).application),
      ['mine', 'mine', nobody, 'mine', 'mine'],
    );
    await control.refused('UNAUTHENTICATED', 'GET', '/usage/verify', { token: mine.key });
  });

  it('sees its own figures, and is refused those of everybody', async () => {
    const asked = async (query: string): Promise<unknown> => {
      control.asked.splice(0);
      const { json } = await see(`/analytics/${query}`);
      const { by, id } = control.asked.at(-1)![3] as { by: string; id: string };
      return [by, id, json.id];
    };
    assert.deepEqual(await asked('messages'), ['application', 'mine', 'mine']);
    assert.deepEqual(await asked('rate?by=application&id=mine'), ['application', 'mine', 'mine']);
    assert.deepEqual(await asked('lag?by=application&id=theirs'), ['application', nobody, 'theirs']);
    assert.deepEqual(await asked(`errors?by=subscription&id=${mine.subscription}`), ['subscription', mine.subscription, mine.subscription]);
    assert.deepEqual(await asked(`errors?by=subscription&id=${theirs.subscription}`), ['subscription', nobody, theirs.subscription]);
    assert.deepEqual(await asked('messages?by=reader&id=r-mine'), ['reader', 'r-mine', 'r-mine']);
    assert.deepEqual(await asked('messages?by=reader&id=r-theirs'), ['reader', nobody, 'r-theirs']);
    assert.deepEqual(await asked('messages?by=reader&id=r-none'), ['reader', nobody, 'r-none']);
    control.asked.splice(0);
    for (const query of [
      'rate?by=api',
      'rate?by=api&id=orders',
      'lag?by=channel',
      'errors?by=subscription',
      'messages?by=reader',
      'backbones',
    ])
      await control.refused('FORBIDDEN', 'GET', `/analytics/${query}`, { token: mine.key });
    assert.deepEqual(control.asked, []);
  });

  it('is an administrator nowhere', async () => {
    for (const path of ['/apis', '/apis/orders', '/applications', '/applications/mine', '/audit', '/status', '/export', '/usage/verify'])
      await control.refused('UNAUTHENTICATED', 'GET', path, { token: mine.key });
    control.clock.time += 60_000;
    for (const action of ['accept', 'pause', 'close'])
      await control.refused('UNAUTHENTICATED', 'POST', `/subscriptions/${mine.subscription}/${action}`, { token: mine.key, body: {} });
    await control.refused('UNAUTHENTICATED', 'DELETE', `/subscriptions/${mine.subscription}`, { token: mine.key, ifMatch: '*' });
    control.clock.time += 60_000;
  });

  it('shows its key either way, and an administrator remains one beside a key', async () => {
    const headers = { 'x-api-key': mine.key };
    assert.deepEqual(ids(await control.expect(200, 'GET', '/subscriptions', { token: undefined, headers })), [mine.subscription]);
    assert.equal((await control.expect(200, 'GET', '/subscriptions', { headers })).json.items.length, 2);
    await control.refused('UNAUTHENTICATED', 'GET', '/subscriptions', { token: undefined });
    await control.refused('UNAUTHENTICATED', 'GET', '/subscriptions', { token: `${mine.key}x` });
  });

  it('does not inherit what an earlier one of its name left behind', async () => {
    const first = await application('again');
    control.readers.set('r-again', readerOf('r-again', 'again', first.subscription));
    await control.expect(200, 'POST', `/subscriptions/${first.subscription}/close`, { body: {} });
    assert.deepEqual(ids(await see('/subscriptions', first.key)), [first.subscription]);
    control.clock.time += 1000;
    await control.expect(204, 'DELETE', '/applications/again', { ifMatch: '*' });
    await control.refused('UNAUTHENTICATED', 'GET', '/subscriptions', { token: first.key });
    const second = await application('again');
    assert.deepEqual(ids(await see('/subscriptions', second.key)), [second.subscription]);
    await control.refused('NOT_FOUND', 'GET', `/subscriptions/${first.subscription}`, { token: second.key });
    await control.refused('NOT_FOUND', 'GET', '/readers/r-again', { token: second.key });
    control.asked.splice(0);
    await see('/usage', second.key);
    assert.equal((control.asked[0]![2] as { from: number }).from, control.clock.time);
  });
});

function readerOf(id: string, application: string, subscription: string): ReaderStatus {
  return {
    id,
    name: null,
    subscription,
    application,
    api: 'orders',
    plan: 'free',
    protocol: 'sse',
    address: 'created',
    state: 'live',
    cursor: 'abc-1',
    lag: { events: 0, age: 0 },
    delivered: 1,
    bytes: 10,
    redelivered: 0,
    dropped: 0,
    createdAt: 1,
    lastDeliveredAt: 2,
  };
}
