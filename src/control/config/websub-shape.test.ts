import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode } from './shape.ts';
import { plainWebSub, websub, writtenWebSub } from './websub-shape.ts';

const problemsOf = (value: unknown): readonly string[] =>
  decode(websub, value, 'file').problems.map(({ path, sentence }) => `${path} ${sentence}`);

describe('the WebSub settings of an API', () => {
  test('WS-X1: leases are ten days when nothing is said', () => {
    const { value, problems } = decode(websub, {}, 'file');
    assert.deepEqual([value, problems], [plainWebSub, []]);
    assert.equal(value.lease.default, 10 * 86_400_000);
  });

  test('come back as they were written', () => {
    const written = { anonymous: 'public', lease: { default: '1h', min: '1m', max: '1d' }, signature: 'sha512', topics: {} };
    const { value, problems } = decode(websub, written, 'file');
    assert.deepEqual(problems, []);
    assert.deepEqual(writtenWebSub(value), written);
    assert.deepEqual(decode(websub, value, 'body').value, value);
  });

  for (const [wrong, path] of [
    [{ lease: { default: '1h', max: '1m' } }, '/lease cannot hold'],
    [{ lease: { min: '500ms' } }, '/lease needs whole seconds'],
    [{ lease: { max: '5000d' } }, '/lease cannot hold'],
    [{ signature: 'md5' }, '/signature'],
    [{ topics: { 'ftp://blog.example/feed': 'posts' } }, '/topics'],
    [{ topics: { 'https://user:secret@blog.example/feed': 'posts' } }, '/topics'],
    [{ topics: { 'https://blog.example/feed': '*' } }, '/topics'],
    [{ topics: { 'https://a.example/': 'posts', 'https://b.example/': 'posts' } }, '/topics publishes two topics to one channel'],
  ] as const) {
    test(`${JSON.stringify(wrong)} is refused`, () => {
      const problems = problemsOf(wrong);
      assert.ok(
        problems.some((problem) => problem.startsWith(path)),
        problems.join('\n'),
      );
    });
  }
});
