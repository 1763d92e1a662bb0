import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compact } from '../draft.ts';
import { decode } from './shape.ts';
import { source, sourceSettings } from './source-shape.ts';

const whsec = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const plain = { preset: 'github', address: 'created', secret: "It's a Secret to Everybody" };

/** The problems with which a source is refused, each `path sentence`. */
function problemsOf(given: object, form: 'file' | 'body' = 'file'): readonly string[] {
  return decode(source, given, form).problems.map(({ path, sentence }) => `${path} ${sentence}`);
}

describe('A source as written', () => {
  it('needs a preset and an address, and has a default for everything else', () => {
    const { value, problems } = decode(source, plain, 'file');
    assert.deepEqual(problems, []);
    assert.deepEqual(sourceSettings(value), { preset: 'github', address: 'created', tolerance: 300_000, types: {}, replay: 'content' });
    assert.match(problemsOf({ address: 'created' })[0]!, /`preset` is missing/);
    assert.match(problemsOf({ ...plain, preset: 'gitub' })[0]!, /github/);
  });

  it('is taken back as it is stored', () => {
    const given = {
      description: 'Builds',
      preset: 'hmac',
      address: 'builds/main',
      tolerance: '10m',
      hmac: {
        header: 'X-Signature',
        prefix: 'v1=',
        algorithm: 'sha512',
        encoding: 'base64',
        timestampHeader: 'X-Time',
        timestampUnit: 'ms',
        idHeader: 'X-Id',
        template: '{id}.{timestamp}.{body}',
        type: 'com.example.build',
        typeHeader: 'X-Kind',
      },
      types: { 'com.example.build.*': 'build.*', 'com.example.build': 'build' },
      eventSource: 'https://ci.example.com',
      replay: 'id',
      secret: 'a secret of many characters',
    };
    const { value, problems } = decode(source, given, 'file');
    assert.deepEqual(problems, []);
    const stored = compact(sourceSettings(value));
    const again = decode(source, { ...stored, secret: given.secret }, 'body');
    assert.deepEqual(again.problems, []);
    assert.deepEqual(compact(sourceSettings(again.value)), stored);
  });

  for (const [what, given, wanted] of [
    ['an address that is a pattern', { address: 'a/*' }, /^\/address must be one address/],
    ['a tolerance without end', { tolerance: '2d' }, /^\/tolerance must be between 1s and 1d/],
    ['options of another preset', { hmac: { header: 'X', type: 'a' } }, /^\/hmac belongs to `preset: hmac`/],
    ['the preset hmac without options', { preset: 'hmac' }, /^\/hmac belongs/],
    ['a time that is not signed', { preset: 'hmac', hmac: { header: 'X', type: 'a', timestampHeader: 'T' } }, /^\/hmac .*timestamp/],
    ['a template without the body', { preset: 'hmac', hmac: { header: 'X', type: 'a', template: 'x' } }, /^\/hmac The template leaves/],
    ['a topic of another preset', { topic: { url: 'https://example.com' } }, /^\/topic belongs to `preset: websub`/],
    ['a topic that is no URL', { preset: 'websub', topic: { url: 'ftp://example.com' } }, /^\/topic\/url Only http and https/],
    ['a type for all below and one that is not', { types: { 'com.github.*': 'github' } }, /^\/types\/com.github.\* needs `\.\*`/],
    ['a secret and secrets', { secrets: ['x'] }, /either `secret` or `secrets`/],
    ['a secret that is none of the preset', { preset: 'standard' }, /^\/secret /],
    ['a key that is none', { preset: 'sendgrid', secret: whsec }, /^\/secret The verification key/],
    ['a secret twice', { secret: undefined, secrets: ['x', 'x'] }, /^\/secrets names a secret twice/],
    [
      'only secrets that end',
      { secret: undefined, secrets: [{ value: 'x', expiresAt: '2031-01-01T00:00:00Z' }] },
      /one that does not expire/,
    ],
  ] as const) {
    it(`is refused with ${what}`, () => {
      const problems = problemsOf({ ...plain, ...given });
      assert.match(problems[0] ?? 'taken', wanted);
      assert.ok(!problems.join().includes(plain.secret) && !problems.join().includes(whsec));
    });
  }

  it('may name a stored secret by its reference only where an export comes back', () => {
    const secret = '${env:SLUICE_SHOP_SOURCE_BUILDS_SECRET}';
    assert.deepEqual(problemsOf({ ...plain, secret }, 'body'), []);
    assert.match(problemsOf({ ...plain, secret }, 'file')[0]!, /fill it in/);
  });
});
