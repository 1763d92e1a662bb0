import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { presets } from '../../protocols/provider-webhooks/presets.ts';
import { generateSharedSecret, generateSigningKey, parseSecret, publicKeyText } from '../../protocols/standard-webhooks/secret.ts';
import { mutations, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import { computingTime } from '../../testing/computing-time.ts';
import { runCli, type Outcome } from '../test-world.ts';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const now = Math.floor(Date.now() / 1000);

interface Signing {
  readonly style?: string;
  readonly secrets?: readonly string[];
  readonly body: string;
  readonly timestamp?: number;
  readonly url?: string;
}

/** A request as a proxy would write it down. */
function requestOf({ style = 'standard', secrets = [secret], body, timestamp = now, url = 'https://example.com/hook' }: Signing): string {
  const contentType = 'application/json';
  const outgoing = { id: 'msg_1', timestamp, url, contentType, body: Buffer.from(body) };
  const headers = { Host: 'example.com', 'Content-Type': contentType, ...presets.get(style)?.sign?.(outgoing, secrets) };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `POST /hook HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`;
}

const verify = async (stdin: string, ...argv: string[]): Promise<Outcome> => runCli(['verify', '--request', '-', ...argv], { stdin });

async function told(stdin: string, ...argv: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await verify(stdin, '--json', ...argv);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('verify', () => {
  test('SW-12: says that a signature holds, by which secret and since when', async () => {
    const { exit, stdout } = await verify(requestOf({ body: '{"a":1}', timestamp: now - 12 }), '--secret', secret);
    assert.equal(exit, 0);
    assert.match(stdout, /^The signature holds \(standard\): id msg_1, signed 1[2-4] s ago\.\n$/);
    const other = generateSharedSecret(randomBytes);
    const answer = await told(requestOf({ body: 'x' }), '--secret', other, '--secret', secret);
    assert.deepEqual([answer['ok'], answer['style'], answer['id'], answer['secret']], [true, 'standard', 'msg_1', 1]);
  });

  test('SW-13: verifies v1a with the public key alone', async () => {
    const signing = generateSigningKey(randomBytes);
    const key = parseSecret(signing);
    assert.ok(key.kind === 'signing');
    const request = requestOf({ body: 'x', secrets: [signing] });
    assert.equal((await verify(request, '--secret', publicKeyText(key))).exit, 0);
    const shared = await told(request, '--secret', secret);
    assert.deepEqual([shared['culprit'], /whpk_/.test(String(shared['sentence']))], ['secret', true]);
    const mixed = await told(requestOf({ body: 'x' }), '--secret', publicKeyText(key));
    assert.match(String(mixed['sentence']), /v1 signatures only.*whsec_/);
  });

  test('tells a clock that is wrong from everything else', async () => {
    const request = requestOf({ body: 'x', timestamp: now - 600 });
    const { exit, stdout } = await verify(request, '--secret', secret);
    assert.equal(exit, 7);
    assert.match(stdout, /^The signature holds, but its time does not: the request was signed 60\d s ago; at most 300 s/);
    assert.equal((await verify(request, '--secret', secret, '--tolerance', '1h')).exit, 0);
    assert.equal((await verify(request, '--secret', secret, '--at', new Date((now - 600) * 1000).toISOString())).exit, 0);
    const both = await told(request, '--secret', generateSharedSecret(randomBytes));
    assert.deepEqual([both['culprit'], both['code']], ['unknown', 'TIMESTAMP_TOO_OLD']);
    assert.match(String(both['sentence']), /does not fit.*Besides: the request was signed 60\d s ago/);
  });

  const signed = '{"b":"Grüße <a/b>","a":[1.0,{}]}';
  const changes: readonly (readonly [string, string, RegExp])[] = [
    ['a line break added', `${signed}\n`, /without its last line break/],
    ['white space around it', `  ${signed}\n\n`, /without the white space around it/],
    ['JSON printed by Python', '{"b": "Grüße <a/b>", "a": [1.0, {}]}', /as compact JSON, so it was parsed/],
    ['JSON indented', '{\n  "b": "Grüße <a/b>",\n  "a": [\n    1.0,\n    {}\n  ]\n}', /as compact JSON/],
    ['characters encoded twice', Buffer.from(signed, 'utf8').toString('latin1'), /ISO 8859-1/],
    ['base64', Buffer.from(signed).toString('base64'), /decoded from base64/],
  ];
  for (const [name, body, expected] of changes) {
    test(`finds out how the body was changed: ${name}`, async () => {
      const request = requestOf({ body: signed }).replace(signed, body);
      const answer = await told(request, '--secret', secret);
      assert.deepEqual([answer['ok'], answer['culprit']], [false, 'body']);
      assert.match(String(answer['sentence']), expected);
    });
  }
  for (const [name, original, expected] of [
    ['by Python', '{"b": "Gr\\u00fc\\u00dfe", "a": [1.50, 2]}', /space after commas and colons and with \\u escapes/],
    ['by Go', '{"b":"\\u003ca\\u003e"}', /<, > and & escaped/],
    ['by PHP', '{"b":"a\\/b"}', /escaped slashes/],
    ['with sorted members', '{"a":2,"b":1}', /members sorted/],
    ['with carriage returns', '{\r\n"a":1}', /CRLF instead of LF/],
    ['with tabs', '{\n\t"a": 1\n}', /indented by tabs/],
  ] as const) {
    test(`finds out that the body was written ${name} and parsed since`, async () => {
      const lines = original.replaceAll('\r\n', '\n');
      const parsed = name === 'with sorted members' ? '{"b":1,"a":2}' : name === 'with carriage returns' ? lines : relaxed(original);
      const answer = await told(requestOf({ body: original }).replace(original, parsed), '--secret', secret);
      assert.match(String(answer['sentence']), expected);
    });
  }

  test('finds out how the secret was misread', async () => {
    const request = requestOf({ body: 'x' });
    assert.match(String((await told(request, '--secret', secret, '--secret', 'whsec_AAAA'))['ok']), /true/);
    const asText = requestOf({ body: 'x', secrets: [`whsec_${Buffer.from(secret.slice(6)).toString('base64')}`] });
    const answer = await told(asText, '--secret', secret);
    assert.equal(answer['culprit'], 'secret');
    assert.match(String(answer['sentence']), /text behind whsec_ as key/);
    const quoted = await told(requestOf({ style: 'github', secrets: ['hush'], body: 'x' }), '--secret', '"hush"');
    assert.match(String(quoted['sentence']), /without the quotes/);
  });

  test('knows the styles of providers by their headers', async () => {
    for (const style of ['github', 'stripe', 'slack', 'shopify']) {
      const answer = await told(requestOf({ style, secrets: ['hush'], body: '{}' }), '--secret', 'hush');
      assert.deepEqual([answer['ok'], answer['style']], [true, style]);
    }
    const wrong = await told(requestOf({ style: 'github', secrets: ['hush'], body: '{}' }), '--secret', secret, '--style', 'standard');
    assert.deepEqual([wrong['culprit'], /--style github/.test(String(wrong['sentence']))], ['style', true]);
    const url = 'https://example.com/hook?bodySHA256=2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
    const twilio = requestOf({ style: 'twilio', secrets: ['hush'], body: 'x', url });
    assert.equal((await told(twilio, '--secret', 'hush', '--url', url))['ok'], true);
    assert.equal((await told(twilio, '--secret', 'hush', '--url', url.replace('https', 'http')))['culprit'], 'url');
  });

  test('takes the headers of Svix, headers one by one, chunks, and bodies that were cut', async () => {
    const request = requestOf({ body: '{"a":1}' });
    assert.equal((await told(request.replaceAll('webhook-', 'svix-'), '--secret', secret))['ok'], true);
    const head = request.split('\r\n').filter((line) => line.startsWith('webhook-'));
    const one = await runCli(['verify', ...head.flatMap((line) => ['--header', line]), '-'], {
      stdin: '{"a":1}',
      env: { SLUICE_WEBHOOK_SECRET: secret },
    });
    assert.equal(one.exit, 0, one.stderr + one.stdout);
    const chunked = request
      .replace('Host:', 'Transfer-Encoding: chunked\r\nHost:')
      .replace('{"a":1}', '3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n');
    assert.equal((await verify(chunked, '--secret', secret)).exit, 0);
    const bare = request.replaceAll('\r\n', '\n').replace('Host:', 'Content-Length: 7\nHost:');
    assert.equal((await verify(`${bare}\n`, '--secret', secret)).exit, 0);
    const cut = await verify(bare.slice(0, -3), '--secret', secret);
    assert.equal(cut.exit, 7);
    assert.match(cut.stderr, /has 4 bytes, but Content-Length says 7/);
  });

  test('says what it needs', async () => {
    for (const [argv, exit, expected] of [
      [[], 2, /needs --request, or a --header/],
      [['--request', '-'], 2, /needs --secret/],
      [['--request', 'nothing.http', '--secret', 'x'], 5, /no file nothing\.http/],
      [['--request', '-', '--secret', 'x', 'body.json'], 2, /leave out/],
      [['--request', '-', '--secret', 'x', '--style', 'strip'], 2, /Did you mean stripe\?/],
      [['--request', '-', '--secret', 'whsec_x'], 2, /in the style standard: /],
      [['--request', '-', '--secret', secret, '--tolerance', 'long'], 2, /--tolerance must be/],
      [['--request', '-', '--secret', secret, '--at', 'noon'], 2, /--at must be/],
      [['--header', 'nonsense', '--secret', secret], 7, /is no header/],
    ] as const) {
      const outcome = await runCli(['verify', ...argv], { stdin: 'webhook-id: x\n\n' });
      assert.equal(outcome.exit, exit, outcome.stderr);
      assert.match(outcome.stderr, expected);
    }
    const missing = await verify('webhook-id: x\n\n', '--secret', secret);
    assert.deepEqual([missing.exit, /webhook-timestamp is missing/.test(missing.stdout)], [7, true]);
  });

  test('judges anything at all, soon, and believes no request that was changed where it is signed', async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const good = Buffer.from(requestOf({ body: '{"a":1}' }));
    const signed = (bytes: Buffer): string => {
      const text = bytes.toString('latin1');
      return [/webhook-id[ \t]*:[ \t]*(.*?)[ \t]*\r?\n/i, /webhook-timestamp[ \t]*:[ \t]*(.*?)[ \t]*\r?\n/i]
        .map((one) => one.exec(text)?.[1] ?? '')
        .join('.');
    };
    for (const bytes of mutations(good, 300, random)) {
      const request = bytes.toString('latin1');
      const { exit, stdout, stderr } = await runCli(['verify', '--request', '-', '--secret', secret], { stdin: Readable.from([bytes]) });
      assert.ok(exit === 0 || exit === 7, `seed ${seed}: ${exit} ${stderr}`);
      const isWhole = /\n\r?\n\{"a":1\}$/.test(request) && signed(bytes) === signed(good);
      assert.ok(exit === 7 || isWhole, `seed ${seed}: ${stdout} ${JSON.stringify(request)}`);
    }
    const computed = computingTime();
    await verify(`webhook-id: a${' '.repeat(1_000_000)}b\n\n${'['.repeat(1_000_000)}`, '--secret', secret);
    await verify(requestOf({ body: '[' }).replace('[', `${'['.repeat(50_000)}${']'.repeat(50_000)}`), '--secret', secret);
    assert.ok(computed() < 5000);
  });

  test('prints snippets, and says which languages there are', async () => {
    const python = await runCli(['verify', '--snippet', 'py']);
    assert.match(python.stdout, /^import base64\n[\s\S]*no signature fits"\)\n$/);
    const publicKey = JSON.parse((await runCli(['verify', '--snippet', 'go', '--scheme', 'v1a', '--json'])).stdout) as Record<
      string,
      unknown
    >;
    assert.deepEqual([publicKey['language'], publicKey['scheme'], publicKey['file']], ['go', 'v1a', 'verify_webhook.go']);
    assert.match((await runCli(['verify', '--snippet', 'pyton'])).stderr, /Did you mean python\? There are node, python, go/);
    assert.equal((await runCli(['verify', '--snippet', 'perl', '--scheme', 'v1a'])).exit, 2);
  });
});

/** As a program that read the JSON keeps it: escapes gone, compact; numbers as they were written. */
function relaxed(text: string): string {
  const raw = JSON as unknown as { rawJSON(text: string): unknown };
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? raw.rawJSON(context?.source ?? String(value)) : value;
  return JSON.stringify(JSON.parse(text, revive));
}
