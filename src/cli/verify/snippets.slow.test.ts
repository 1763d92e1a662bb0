import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { randomBytes } from 'node:crypto';
import { generateSharedSecret, generateSigningKey, parseSecret, publicKeyText } from '../../protocols/standard-webhooks/secret.ts';
import { signStandardWebhook } from '../../protocols/standard-webhooks/sign.ts';
import { snippets } from './snippet-list.ts';
import type { Snippet } from './snippets/snippet.ts';

/** How a snippet becomes a program `ID TIMESTAMP SIGNATURES SECRET < BODY` that prints the id or fails. */
interface Harness {
  /** Must be there, or the test is skipped. */
  readonly tools: readonly string[];
  /** The file that calls the snippet, by its name. */
  readonly main?: readonly [file: string, code: string];
  /** Changes to the snippet, such as its package. */
  readonly adapt?: (code: string) => string;
  readonly build?: (file: string) => readonly string[];
  readonly run: (file: string) => readonly string[];
}

const goMain = `package main
import ("fmt"; "io"; "net/http"; "os")
func main() {
	body, _ := io.ReadAll(os.Stdin)
	headers := http.Header{}
	headers.Set("webhook-id", os.Args[1]); headers.Set("webhook-timestamp", os.Args[2]); headers.Set("webhook-signature", os.Args[3])
	id, err := VerifyWebhook(headers, body, os.Args[4])
	if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
	fmt.Println(id)
}`;
const javaMain = `public class Main { public static void main(String[] a) throws Exception {
  var headers = java.util.Map.of("webhook-id", a[0], "webhook-timestamp", a[1], "webhook-signature", a[2]);
  System.out.println(WebhookVerifier.verify(headers, System.in.readAllBytes(), a[3]));
} }`;
const csharpMain = `using System; using System.Collections.Generic; using System.IO;
public static class Program { public static int Main(string[] a) {
  var headers = new Dictionary<string, string> { { "webhook-id", a[0] }, { "webhook-timestamp", a[1] }, { "webhook-signature", a[2] } };
  var body = new MemoryStream(); Console.OpenStandardInput().CopyTo(body);
  try { Console.WriteLine(WebhookVerifier.Verify(headers, body.ToArray(), a[3])); return 0; }
  catch (Exception error) { Console.Error.WriteLine(error.Message); return 1; }
} }`;
const nodeMain = `import { readFileSync } from 'node:fs';
import { verifyWebhook } from './verify-webhook.mjs';
const [id, timestamp, signatures, secret] = process.argv.slice(2);
console.log(verifyWebhook({ 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures }, readFileSync(0), secret));`;
const pythonMain = `import sys
from verify_webhook import verify_webhook
_, id, timestamp, signatures, secret = sys.argv
print(verify_webhook({"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures}, sys.stdin.buffer.read(), secret))`;
const phpMain = `<?php require __DIR__ . '/verify_webhook.php';
[, $id, $timestamp, $signatures, $secret] = $argv;
echo verify_webhook(['webhook-id' => $id, 'webhook-timestamp' => $timestamp, 'webhook-signature' => $signatures], file_get_contents('php://stdin'), $secret), "\\n";`;
const rubyMain = `require_relative "verify_webhook"
id, timestamp, signatures, secret = ARGV
puts verify_webhook({ "webhook-id" => id, "webhook-timestamp" => timestamp, "webhook-signature" => signatures }, $stdin.binmode.read, secret)`;
const perlMain = `my ($id, $timestamp, $signatures, $secret) = @ARGV;
binmode STDIN; local $/; my $body = <STDIN>;
print verify_webhook({ 'webhook-id' => $id, 'webhook-timestamp' => $timestamp, 'webhook-signature' => $signatures }, $body, $secret), "\\n";`;

const harnesses: Readonly<Record<string, Harness>> = {
  node: { tools: [], main: ['main.mjs', nodeMain], run: () => [process.execPath, 'main.mjs'] },
  python: { tools: ['python3'], main: ['main.py', pythonMain], run: () => ['python3', 'main.py'] },
  go: {
    tools: ['go'],
    main: ['main.go', goMain],
    adapt: (code) => code.replace('package webhooks', 'package main'),
    build: (file) => ['go', 'build', '-o', 'main', 'main.go', file],
    run: () => ['./main'],
  },
  java: {
    tools: ['javac', 'java'],
    main: ['Main.java', javaMain],
    build: (file) => ['javac', 'Main.java', file],
    run: () => ['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', 'Main'],
  },
  csharp: {
    tools: ['mcs', 'mono'],
    main: ['Main.cs', csharpMain],
    build: (file) => ['mcs', '-langversion:latest', '-out:main.exe', 'Main.cs', file],
    run: () => ['mono', 'main.exe'],
  },
  php: { tools: ['php'], main: ['main.php', phpMain], run: () => ['php', 'main.php'] },
  ruby: { tools: ['ruby'], main: ['main.rb', rubyMain], run: () => ['ruby', 'main.rb'] },
  perl: { tools: ['perl'], adapt: (code) => `${code}\n${perlMain}`, run: (file) => ['perl', file] },
  shell: { tools: ['bash', 'openssl', 'od', 'base64'], run: (file) => ['bash', file] },
};

function isThere(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function whyNot({ language, scheme }: Snippet): string | false {
  const harness = Object.hasOwn(harnesses, language) ? harnesses[language] : undefined;
  if (harness === undefined) return 'it needs packages that are not here';
  const missing = harness.tools.filter((tool) => !isThere(tool));
  if (missing.length > 0) return `${missing.join(', ')} is not installed`;
  if (language !== 'python' || scheme !== 'v1a') return false;
  return spawnSync('python3', ['-c', 'import cryptography']).status === 0 ? false : 'the package cryptography is not installed';
}

interface Call {
  readonly id: string;
  readonly timestamp: number | string;
  readonly signatures: string;
  readonly secret: string;
  readonly body: Buffer;
}

describe('the snippet', { timeout: 300_000 }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-snippets-'));
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  async function programOf(snippet: Snippet): Promise<(call: Call) => { readonly holds: boolean; readonly said: string }> {
    const harness = harnesses[snippet.language] ?? assert.fail();
    const cwd = await mkdtemp(join(folder, `${snippet.language}-`));
    await writeFile(join(cwd, snippet.file), harness.adapt?.(snippet.code) ?? snippet.code);
    if (harness.main !== undefined) await writeFile(join(cwd, harness.main[0]), harness.main[1]);
    const start = ([command = '', ...argv]: readonly string[], input: Buffer | string) =>
      spawnSync(command, argv, { cwd, input, encoding: 'utf8' });
    if (harness.build !== undefined) {
      const built = start(harness.build(snippet.file), '');
      assert.equal(built.status, 0, built.stderr + built.stdout);
    }
    return ({ id, timestamp, signatures, secret, body }) => {
      const { status, stdout, stderr } = start([...harness.run(snippet.file), id, String(timestamp), signatures, secret], body);
      assert.ok(status !== null, stderr);
      return { holds: status === 0 && stdout.trim() === id, said: stdout + stderr };
    };
  }

  for (const snippet of snippets) {
    test(`SW-12: in ${snippet.title} takes what is signed with ${snippet.scheme} and nothing else`, { skip: whyNot(snippet) }, async () => {
      const makes = snippet.scheme === 'v1' ? generateSharedSecret : generateSigningKey;
      const [ours, old, foreign] = [makes(randomBytes), makes(randomBytes), makes(randomBytes)];
      const shownOf = (text: string): string => {
        const secret = parseSecret(text);
        return secret.kind === 'shared' ? text : publicKeyText(secret);
      };
      const now = Math.floor(Date.now() / 1000);
      const body = Buffer.concat([Buffer.from('{"text":"Grüße"}\r\n\0'), Buffer.from([0xff, 0xfe])]);
      const signed = (by: readonly string[], timestamp: number): string => {
        const secrets = by.map(parseSecret).filter((secret) => secret.kind !== 'verification');
        return signStandardWebhook({ id: 'msg_1', timestamp, body, secrets })['webhook-signature'];
      };
      const good: Call = { id: 'msg_1', timestamp: now, signatures: signed([ours], now), secret: shownOf(ours), body };
      const program = await programOf(snippet);
      const expectations: readonly (readonly [string, Call, boolean])[] = [
        ['a webhook as it was signed', good, true],
        ['SW-11: one of two signatures', { ...good, signatures: signed([foreign, ours], now) }, true],
        ['a signature of a version to come beside it', { ...good, signatures: `v9,abc ${good.signatures}` }, true],
        ['another body', { ...good, body: Buffer.concat([body, Buffer.from(' ')]) }, false],
        ['another id', { ...good, id: 'msg_2' }, false],
        ['SW-7: an id with a dot', { ...good, id: `msg.1`, signatures: good.signatures }, false],
        ['another secret', { ...good, secret: shownOf(old) }, false],
        ['a time long ago, signed then', { ...good, timestamp: now - 600, signatures: signed([ours], now - 600) }, false],
        ['a time to come, signed for then', { ...good, timestamp: now + 600, signatures: signed([ours], now + 600) }, false],
        ['a time that is no number', { ...good, timestamp: 'soon' }, false],
        ['no signature', { ...good, signatures: '' }, false],
        ['signatures that are none', { ...good, signatures: `${snippet.scheme} ${snippet.scheme}, ${snippet.scheme},!! ,` }, false],
        ['half a signature', { ...good, signatures: good.signatures.slice(0, 20) }, false],
      ];
      for (const [name, call, expected] of expectations) {
        const { holds, said } = program(call);
        assert.equal(holds, expected, `${name}: ${said}`);
      }
    });
  }
});
