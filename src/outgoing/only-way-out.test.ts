import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { importsOf } from '../testing/imports.ts';

/** Modules that are there to call somebody. */
const clients = ['undici', 'ws', 'node:dns', 'node:dns/promises', 'node:dgram'];
/** Of these some names call somebody, and the others serve or only read. */
const both = ['node:http', 'node:https', 'node:http2', 'node:net', 'node:tls'];
const callingNames = new Set(['request', 'get', 'connect', 'createConnection', 'Agent', 'ClientRequest', 'Socket', 'TLSSocket', 'Client']);
const callingGlobal = /(?<![.#\w'`-])(?:fetch\s*\(|new\s+WebSocket\s*\()/;
/** The sender that judges addresses, and the command line, which runs at whoever types. */
const mayCall = /^(?:outgoing|testing|cli\/client)\//;
const isForTests = /(?:\.test|-fixture|\/test-world)\.ts$/;

/** How a file calls somebody by itself; undefined when it does not. */
function callIn(text: string): string | undefined {
  for (const { specifier, typeOnly } of importsOf(text)) if (!typeOnly && clients.includes(specifier)) return specifier;
  for (const [, names = '', module = ''] of text.matchAll(/^import\s+(?!type\b)([^;'"]*?)\s+from\s+'([^']+)'/gm)) {
    if (!both.includes(module)) continue;
    if (!/^\{[^}]*\}$/.test(names)) return `all of ${module}`;
    const imported = names
      .slice(1, -1)
      .split(',')
      .map((name) => name.trim())
      .filter((name) => !name.startsWith('type '));
    const calling = imported.find((name) => callingNames.has(name.split(/\s+as\s+/)[0] ?? ''));
    if (calling !== undefined) return `${calling} of ${module}`;
  }
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  return callingGlobal.exec(code)?.[0];
}

test('P15: whatever the product calls, it calls by the sender that judges every address', async () => {
  const root = join(import.meta.dirname, '..');
  const files = (await readdir(root, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !isForTests.test(name) && !mayCall.test(name),
  );
  assert.ok(files.length > 300, `${files.length} files`);
  const found: string[] = [];
  for (const file of files) {
    const call = callIn(await readFile(join(root, file), 'utf8'));
    if (call !== undefined) found.push(`${file}: ${call}`);
  }
  assert.deepEqual(found, []);
});

test('P15: which would be found in each of its forms', () => {
  for (const text of [
    "import { fetch } from 'undici';",
    "import { request as send } from 'node:https';",
    "import { createServer, connect } from 'node:net';",
    "import http from 'node:http';",
    "import * as tls from 'node:tls';",
    "const { Resolver } = await import('node:dns/promises');",
    'const answer = await fetch(url);',
    'const socket = new WebSocket(url);',
  ])
    assert.notEqual(callIn(text), undefined, text);
  for (const text of [
    "import type { Socket } from 'node:net';",
    "import { createServer, type Agent } from 'node:http';",
    'await this.#fetch();',
    '// fetch(it)',
  ])
    assert.equal(callIn(text), undefined, text);
});
