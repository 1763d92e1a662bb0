import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { HmacScheme, type HmacStyle } from './hmac-scheme.ts';
import { ProviderWebhookError } from './provider-webhook-error.ts';
import type { WebhookRequest } from './provider-webhook.ts';
import { parseTemplate } from './signed-template.ts';

const style: HmacStyle = { header: 'X-Sig', algorithm: 'sha256', encoding: 'hex' };
const body = Buffer.from('{"a":1}');
const request = (headers: WebhookRequest['headers']): WebhookRequest => ({ method: 'POST', url: '/', headers, body });
const believing = { now: 1_760_000_000_000 };

function refuses(other: Partial<HmacStyle>, sentence: RegExp): void {
  assert.throws(
    () => new HmacScheme({ ...style, ...other }),
    (thrown) => thrown instanceof ProviderWebhookError && sentence.test(thrown.message),
    JSON.stringify(other),
  );
}

describe('A style of HMAC', () => {
  it('signs what its template says, as anyone would compute it', () => {
    const scheme = new HmacScheme({
      ...style,
      prefix: 'v9=',
      encoding: 'base64',
      secretEncoding: 'base64',
      timestampHeader: 'X-Time',
      idHeader: 'X-Id',
      template: 'v9:{id}:{timestamp}:{body}',
    });
    const key = Buffer.of(1, 2, 3, 255);
    const expected = createHmac('sha256', key).update('v9:msg_1:1760000000:{"a":1}').digest('base64');
    const headers = scheme.sign({ id: 'msg_1', timestamp: 1_760_000_000, url: '', contentType: undefined, body }, [key.toString('base64')]);
    assert.deepEqual(headers, { 'X-Sig': `v9=${expected}`, 'X-Time': '1760000000', 'X-Id': 'msg_1' });
    const given = request({ 'x-sig': `v9=${expected}`, 'x-time': '1760000000', 'x-id': 'msg_1' });
    assert.deepEqual(scheme.verify(given, [key.toString('base64')], believing), {
      ok: true,
      id: 'msg_1',
      timestamp: 1_760_000_000,
      secret: 0,
    });
    assert.equal(scheme.isIdSigned, true);
    for (const id of ['a:b', 'a.b', '', 'ü'])
      assert.equal(scheme.verify(request({ ...given.headers, 'x-id': id }), ['AAAA'], believing).ok, false);
  });

  it('sends an id that a producer chose in a form that fits a header', () => {
    const scheme = new HmacScheme({ ...style, idHeader: 'X-Id' });
    const headers = scheme.sign({ id: 'a\r\nX: y', timestamp: 0, url: '', contentType: undefined, body }, ['s']);
    assert.match(headers['X-Id'] ?? '', /^sha256_/);
    assert.equal(scheme.isIdSigned, false);
  });

  it('takes hexadecimal in either case, and only whole bytes', () => {
    const scheme = new HmacScheme(style);
    const hex = createHmac('sha256', 's').update(body).digest('hex');
    assert.equal(scheme.verify(request({ 'x-sig': hex.toUpperCase() }), ['s'], believing).ok, true);
    for (const bad of [hex.slice(1), `${hex}00`, `0x${hex}`, ` ${hex}`, hex.replace(/^./, 'g')]) {
      assert.equal(scheme.verify(request({ 'x-sig': bad }), ['s'], believing).ok, false, bad);
    }
  });

  it('is refused when it could not be verified safely', () => {
    refuses({ header: 'X Sig' }, /not the name of a header/);
    refuses({ prefix: 'v1\r\n' }, /printable/);
    refuses({ timestampHeader: 'X-Time' }, /belong together/);
    refuses({ template: '{timestamp}.{body}' }, /belong together/);
    refuses({ template: '{id}.{body}' }, /no header brings it/);
    refuses({ template: '' }, /leaves out \{body\}/);
    refuses({ template: '{body', idHeader: 'X-Id' }, /knows \{timestamp\}/);
  });

  it('says what is wrong with a secret, and signs with none that is', () => {
    const hex = new HmacScheme({ ...style, secretEncoding: 'hex' });
    assert.match(hex.secretFault('xyz') ?? '', /hexadecimal/);
    assert.match(new HmacScheme({ ...style, secretEncoding: 'base64' }).secretFault('A') ?? '', /base64/);
    assert.throws(() => hex.sign({ id: '', timestamp: 0, url: '', contentType: undefined, body }, ['xyz']), ProviderWebhookError);
    assert.equal(hex.verify(request({ 'x-sig': '00'.repeat(32) }), ['xyz'], believing).ok, false);
  });
});

describe('A template', () => {
  it('is cut into its parts', () => {
    assert.deepEqual(parseTemplate('v0:{timestamp}:{body}'), ['v0:', '{timestamp}', ':', '{body}']);
    assert.deepEqual(parseTemplate('{body}'), ['{body}']);
    assert.deepEqual(parseTemplate('v1{timestamp}.x.{body}end'), ['v1', '{timestamp}', '.x.', '{body}', 'end']);
  });

  it('must keep its parts apart', () => {
    for (const bad of ['{timestamp}{body}', '{timestamp}x{body}', '{id}-{body}', '{id}.0{body}', '{body}_{id}', '{id}.{timestamp}{body}']) {
      assert.throws(() => parseTemplate(bad), /separator/, bad);
    }
    for (const bad of ['{body}.{body}', '{time}.{body}', '{.{body}', '}', `{body}${'.'.repeat(256)}`]) {
      assert.throws(() => parseTemplate(bad), ProviderWebhookError, bad);
    }
  });
});
