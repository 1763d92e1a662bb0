import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { nameOf } from '../../entrypoints/read-options.ts';
import { standardSchedule } from '../../push/retry-schedule.ts';
import { compact } from '../draft.ts';
import { endpoint, endpointSettings } from './endpoint-shape.ts';
import { readerName } from './names.ts';
import { decode } from './shape.ts';

const url = 'https://example.com/hook';
const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const other = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;

/** The problems with which an endpoint is refused, each `path sentence`. */
function problemsOf(given: object, form: 'file' | 'body' = 'file'): readonly string[] {
  return decode(endpoint, { url, ...given }, form).problems.map(({ path, sentence }) => `${path} ${sentence}`);
}

describe('An endpoint as written', () => {
  it('needs a URL only, and has a default for everything else', () => {
    const { value, problems } = decode(endpoint, { url }, 'file');
    assert.deepEqual(problems, []);
    assert.deepEqual(endpointSettings(value), {
      address: '*',
      url,
      types: [],
      headers: {},
      content: 'structured',
      timeout: 15_000,
      retry: standardSchedule.delays,
      concurrency: 8,
      order: 'none',
      metadata: {},
    });
    assert.match(problemsOf({ url: undefined })[0]!, /`url` is missing/);
  });

  it('is taken back as it is stored, and fits its own schema', () => {
    const given = {
      description: 'Orders for the shop',
      address: 'orders/*',
      url: 'http://10.0.0.1:8080/hook?a=b',
      events: ['com.example.order.*', 'com.example.refund'],
      filter: 'data.amount > 100',
      headers: { Authorization: 'Bearer x', 'X-Env': 'prod' },
      content: 'structured',
      timeout: '30s',
      retry: ['5s', '5m', '1h'],
      rateLimit: { limit: 10, per: 'second' },
      concurrency: 32,
      order: 'strict',
      batch: { events: 100, bytes: '1MiB', wait: '60s' },
      keepDeadLetters: '7d',
      metadata: { team: 'shop' },
      secrets: [secret, { value: other, expiresAt: '2031-01-01T00:00:00Z' }],
      state: 'paused',
    };
    const { value, problems } = decode(endpoint, given, 'file');
    assert.deepEqual(problems, []);
    assert.deepEqual(endpointSettings(value).retry, [5_000, 300_000, 3_600_000]);
    assert.equal(endpointSettings(value).keepDeadLetters, 7 * 86_400_000);
    assert.deepEqual(value.secrets, [
      { value: secret, expiresAt: undefined },
      { value: other, expiresAt: Date.parse('2031-01-01T00:00:00Z') },
    ]);
    const stored = compact(value);
    assert.deepEqual(compact(decode(endpoint, stored, 'body').value), stored);
    for (const form of ['file', 'body'] as const) {
      const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(endpoint.schema(form));
      assert.ok(validate(given), JSON.stringify(validate.errors));
    }
  });

  it('has a retry schedule by preset or by delays, within the bounds of push', () => {
    const delaysOf = (retry: unknown): unknown => decode(endpoint, { url, retry }, 'body').value.retry;
    assert.deepEqual(delaysOf('none'), []);
    assert.deepEqual(delaysOf([]), []);
    assert.deepEqual(delaysOf(['1m', 90_000, '1w']), [60_000, 90_000, 604_800_000]);
    assert.deepEqual(delaysOf('standard'), standardSchedule.delays);
    for (const retry of ['never', ['0s'], ['99ms'], ['31d'], ['20d', '20d'], Array(50).fill('1s'), [null], { first: '1s' }, 5, [['1s']]])
      assert.equal(problemsOf({ retry }).length, 1, JSON.stringify(retry));
    assert.match(problemsOf({ retry: 'standrad' })[0]!, /did you mean `standard`/);
  });

  it('takes any URL that can be called, and judges addresses when it calls, but for those that are never opened', () => {
    for (const good of ['http://localhost:3000/', 'https://127.0.0.1/', 'https://[::1]/', 'https://db.internal/x', 'http://a.b/?q=%20'])
      assert.deepEqual(problemsOf({ url: good }), [], good);
    const bad = [
      '',
      'example.com/hook',
      '/hook',
      'ftp://example.com/',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'https://user:pass@example.com/',
      'https://exa mple.com/',
      'https://example.com/\r\nHost: x',
      'https:\\\\example.com',
      'https://example.com:0/',
      'https://example.com:65536/',
      'https://a..b/',
      'http://169.254.169.254/',
      'http://0xa9fea9fe/',
      'http://[fd00:ec2::254]/',
      'https://metadata.google.internal/',
      `https://example.com/${'a'.repeat(4096)}`,
      5,
      null,
    ];
    for (const wrong of bad) assert.equal(problemsOf({ url: wrong }).length, 1, String(wrong));
  });

  it('refuses headers that belong to the connection, to the body or to Sluice, in any case', () => {
    for (const name of [
      'Host',
      'connection',
      'Keep-Alive',
      'Transfer-Encoding',
      'TE',
      'Trailer',
      'Upgrade',
      'Expect',
      'Proxy-Authorization',
      'Content-Type',
      'content-length',
      'Accept-Encoding',
      'Webhook-Id',
      'webhook-signature',
      'CE-Type',
      'ce-x',
    ])
      assert.match(problemsOf({ headers: { [name]: 'x' } })[0] ?? name, /set by Sluice itself/);
    for (const headers of [
      { 'bad name': 'x' },
      { 'a:b': 'x' },
      { '': 'x' },
      { 'X-A': 'a\r\nX-B: c' },
      { 'X-A': 'a\u0000' },
      { 'X-A': '🚢' },
      { 'X-A': 5 },
      { 'X-A': null },
      { 'X-A': 'a', 'x-a': 'b' },
      { 'X-A': 'a'.repeat(4097) },
      Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`X-${index}`, ''])),
      { 'X-A': 'a'.repeat(4096), 'X-B': 'a'.repeat(4096) },
      ['X-A'],
      'X-A: a',
    ])
      assert.ok(problemsOf({ headers }).length > 0, JSON.stringify(headers).slice(0, 80));
  });

  it('never quotes a header or a secret that is wrong', () => {
    const hidden = 'hunter2\r\n';
    const texts = [
      ...problemsOf({ headers: { Authorization: hidden } }),
      ...problemsOf({ secret: 'hunter2!' }, 'body'),
      ...problemsOf({ secrets: ['hunter2!', { value: 'whsec_hunter2' }] }, 'body'),
    ];
    assert.equal(texts.length, 4);
    for (const text of texts) assert.ok(!text.includes('hunter2'), text);
  });

  it('SW-9: signs with secrets that can sign, each once, at most eight', () => {
    const key = (index: number): string => Buffer.alloc(24, index).toString('base64');
    for (const good of [
      { secret: key(1) },
      { secret },
      { secret: `whsk_${Buffer.alloc(32, 3).toString('base64')}` },
      { secrets: Array.from({ length: 8 }, (_, index) => key(index)) },
    ])
      assert.deepEqual(problemsOf(good), []);
    const late = '2031-01-01T00:00:00Z';
    for (const bad of [
      { secret: '' },
      { secret: 'short' },
      { secret: `whsec_${Buffer.alloc(65).toString('base64')}` },
      { secret: `whpk_${Buffer.alloc(32, 3).toString('base64')}` },
      { secret: 5 },
      { secret: '${env:SLUICE_X_SECRET}' },
      { secret, secrets: [secret] },
      { secrets: [] },
      { secrets: [secret, secret] },
      { secrets: [secret, { value: secret, expiresAt: late }] },
      { secrets: [{ value: secret, expiresAt: late }] },
      { secrets: [{ expiresAt: late }] },
      { secrets: Array.from({ length: 9 }, (_, index) => key(index)) },
    ])
      assert.equal(problemsOf(bad).length, 1, JSON.stringify(bad));
  });

  it('signs in the format of a provider with any text, but not with a key', () => {
    for (const good of [
      { signature: 'github', secret: 'It is no base64!' },
      { signature: 'github-sha1', secret },
      {
        signature: { style: 'stripe', header: 'X-Shop-Signature' },
        secrets: ['whsec_one', { value: 'two', expiresAt: '2031-01-01T00:00:00Z' }],
      },
      { signature: 'standard', secret },
    ])
      assert.deepEqual(problemsOf(good), [], JSON.stringify(good));
    for (const bad of [
      { signature: 'slack' },
      { signature: { style: 'standard', header: 'X-Signature' } },
      { signature: { style: 'github', header: 'Webhook-Signature' } },
      { signature: { style: 'github', header: 'a b' } },
      { signature: { style: 'stripe', name: 'X' } },
      { signature: 'github', secret: `whsk_${Buffer.alloc(32, 3).toString('base64')}` },
      { signature: 'stripe', secret: '${env:SLUICE_X_SECRET}' },
      { signature: 'github', secret: 'x'.repeat(257) },
    ])
      assert.equal(problemsOf(bad).length, 1, JSON.stringify(bad));
  });

  it('is shown who calls in one of four ways, each with all it needs', () => {
    const client = {
      kind: 'oauth2-client-credentials',
      tokenUrl: 'https://id.example.com/token',
      clientId: 'shop',
      clientSecret: 'hunter2',
    };
    for (const good of [
      { kind: 'basic', user: 'shop', password: 'hunter2' },
      { kind: 'basic', user: '', password: ' ä:' },
      { kind: 'key', header: 'Authorization', value: 'Bearer hunter2' },
      client,
      { ...client, scope: 'a b', audience: 'https://x', style: 'post' },
      { kind: 'mtls', certificate: 'PEM', key: 'PEM' },
    ])
      assert.deepEqual(problemsOf({ authentication: good }), [], JSON.stringify(good));
    for (const bad of [
      'basic',
      {},
      { kind: 'digest' },
      { kind: 'basic', user: 'a:b', password: 'hunter2' },
      { kind: 'basic', user: 'shop' },
      { kind: 'basic', user: 'shop', password: '' },
      { kind: 'basic', user: 'shop', password: 'hunter2', value: 'x' },
      { kind: 'key', header: 'Webhook-Signature', value: 'x' },
      { kind: 'key', header: 'X-Key', value: 'hunter2\n' },
      { ...client, tokenUrl: 'ftp://id.example.com' },
      { ...client, tokenUrl: 'https://a:hunter2@id.example.com' },
      { ...client, style: 'jwt' },
      { ...client, clientSecret: 5 },
    ]) {
      const problems = problemsOf({ authentication: bad });
      assert.equal(problems.length, 1, JSON.stringify(bad));
      assert.ok(!problems[0]!.includes('hunter2'), problems[0]);
    }
    const plain = { url: 'http://example.com', authentication: { kind: 'mtls', certificate: 'PEM', key: 'PEM' } };
    assert.match(problemsOf(plain)[0]!, /^\/authentication needs an https URL/);
    for (const authentication of [
      client,
      { kind: 'basic', user: 'a', password: 'b' },
      { kind: 'key', header: 'AUTHORIZATION', value: 'x' },
    ])
      assert.match(problemsOf({ headers: { authorization: 'x' }, authentication })[0]!, /^\/headers\/authorization is set by/);
  });

  it('is stored without a signature where that is the usual one', () => {
    const stored = (signature: unknown): unknown => endpointSettings(decode(endpoint, { url, signature }, 'body').value).signature;
    assert.equal(stored('standard'), undefined);
    assert.deepEqual(stored('github'), { style: 'github' });
    assert.deepEqual(stored({ style: 'stripe', header: 'X-A' }), { style: 'stripe', header: 'X-A' });
  });

  it('bounds everything else', () => {
    for (const wrong of [
      { timeout: '999ms' },
      { timeout: '31s' },
      { timeout: 'soon' },
      { concurrency: 0 },
      { concurrency: 33 },
      { order: 'sorted' },
      { content: 'xml' },
      { batch: {} },
      { batch: { events: 0 } },
      { batch: { events: 1001 } },
      { batch: { events: 2, bytes: 0 } },
      { batch: { events: 2, bytes: 1024 * 1024 + 1 } },
      { batch: { events: 2, wait: '61s' } },
      { batch: { events: 2 }, content: 'binary' },
      { batch: { events: 2 }, content: 'data' },
      { keepDeadLetters: '59s' },
      { keepDeadLetters: '367d' },
      { rateLimit: { limit: 0, per: 'second' } },
      { rateLimit: { limit: 1, per: 'hour' } },
      { rateLimit: 5 },
      { events: ['*'] },
      { events: ['com.*.created'] },
      { events: ['com.example*'] },
      { events: ['two words'] },
      { events: ['a', 'a'] },
      { events: Array.from({ length: 101 }, (_, index) => `type.${index}`) },
      { filter: '' },
      { filter: 'a'.repeat(1025) },
      { address: '/orders' },
      { address: 'a*' },
      { metadata: { a: 'x'.repeat(501) } },
      { metadata: { '': 'x' } },
      { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, ''])) },
      { description: 'x'.repeat(2001) },
      { state: 'stopped' },
      { secrt: secret },
    ])
      assert.equal(problemsOf(wrong).length, 1, JSON.stringify(wrong).slice(0, 80));
  });
});

describe('The name of an endpoint', () => {
  it('is one that ?reader= takes, and no other', () => {
    for (const name of ['a', 'A.b~c_d-9', '..', '~', 'x'.repeat(128), '', 'x'.repeat(129), 'a b', 'a/b', 'é', 'a\n']) {
      let isReader = true;
      try {
        nameOf(name);
      } catch {
        isReader = false;
      }
      assert.equal(decode(readerName, name, 'file').problems.length === 0, isReader, name);
    }
  });
});
