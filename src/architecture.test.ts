import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { basename } from 'node:path/posix';
import { describe, test } from 'node:test';
import { computedSpecifier, importCycles, importsOf, resolveImport } from './testing/imports.ts';

/** The map: which folders of src/ a folder may import, besides itself. A folder that is not here must not exist. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocols: [],
  observe: ['core'],
  outgoing: ['core', 'observe'],
  policies: ['core'],
  contracts: ['core'],
  store: ['core', 'observe'],
  metering: ['core', 'store', 'observe'],
  listeners: ['core', 'protocols', 'observe'],
  backbones: ['core', 'protocols', 'store', 'observe'],
  entrypoints: ['core', 'protocols', 'listeners', 'observe'],
  push: ['core', 'protocols', 'outgoing', 'store', 'metering', 'observe'],
  gateway: ['core', 'protocols', 'policies', 'contracts', 'store', 'metering', 'listeners', 'backbones', 'entrypoints', 'observe'],
  control: ['core', 'protocols', 'policies', 'contracts', 'store', 'metering', 'outgoing', 'push', 'observe'],
  desks: [
    'core',
    'protocols',
    'policies',
    'contracts',
    'store',
    'metering',
    'listeners',
    'outgoing',
    'backbones',
    'push',
    'gateway',
    'control',
    'observe',
  ],
  workers: ['core', 'listeners', 'gateway', 'observe'],
  cli: [
    'core',
    'protocols',
    'policies',
    'contracts',
    'store',
    'metering',
    'listeners',
    'outgoing',
    'backbones',
    'entrypoints',
    'push',
    'gateway',
    'control',
    'desks',
    'workers',
    'observe',
  ],
};

/** Folders of folders that know nothing of one another; what all of them share lies directly in the outer folder. */
const ofSiblings = ['entrypoints', 'backbones', 'policies'];

/** The one list of all that exists. */
const registry = 'src/gateway/registry.ts';

const vagueNames = ['utils', 'util', 'helpers', 'helper', 'common', 'types', 'misc', 'shared', 'index'];
const maxLines = 400;

/** What is wrong with a source tree, given as text by path (`src/core/event.ts`), one sentence each. */
function violationsOf(files: ReadonlyMap<string, string>): readonly string[] {
  const found: string[] = [];
  for (const [file, text] of files) {
    found.push(...shapeViolations(file, text), ...importViolations(file, text));
  }
  for (const ring of importCycles(files)) found.push(`${ring.join(' → ')} → ${ring[0]}: import one another in a ring`);
  return found;
}

function shapeViolations(file: string, text: string): readonly string[] {
  const found: string[] = [];
  const { folder } = placeOf(file);
  if (folder !== '' && folder !== 'testing' && !(folder in mayImport)) found.push(`${file}: src/${folder} is not on the map`);
  const stem = basename(file).split('.')[0] ?? '';
  if (vagueNames.includes(stem)) found.push(`${file}: the name ${stem} does not say what is in it`);
  const lines = text.split('\n').length - 1;
  if (lines > maxLines) found.push(`${file}: has ${lines} lines, ${maxLines} is the limit`);
  if (/^\s*export\s+default\b|^\s*export\s*\{[^}]*\bas\s+default\b/m.test(text)) found.push(`${file}: has a default export`);
  return found;
}

function importViolations(file: string, text: string): readonly string[] {
  const found: string[] = [];
  const from = placeOf(file);
  const isTest = file.endsWith('.test.ts');
  for (const { specifier, reexport } of importsOf(text)) {
    if (reexport) found.push(`${file}: exports ${specifier} again; import it where it is defined`);
    if (specifier === computedSpecifier && !isTest) found.push(`${file}: imports a name that is only known when it runs`);
    const target = resolveImport(file, specifier);
    if (target === undefined || isTest) continue;
    if (!target.startsWith('src/')) {
      if (!target.endsWith('.json')) found.push(`${file}: imports ${target}, which is not in src/`);
      continue;
    }
    const sentence = forbidden(file, from, target);
    if (sentence !== undefined) found.push(`${file}: ${sentence}`);
  }
  return found;
}

function forbidden(file: string, from: Place, target: string): string | undefined {
  const to = placeOf(target);
  if (from.folder === 'testing') return undefined;
  if (to.folder === 'testing' || target.endsWith('.test.ts')) return `imports ${target}, which only tests may`;
  if (from.folder !== to.folder) {
    if (!(mayImport[from.folder] ?? []).includes(to.folder)) return `imports ${target}, but ${from.folder} must not know ${to.folder}`;
    if (from.folder === 'gateway' && file !== registry && ofSiblings.includes(to.folder) && to.member !== '') {
      return `imports ${target}, but within gateway only registry.ts names what exists`;
    }
    return undefined;
  }
  if (ofSiblings.includes(from.folder) && to.member !== '' && to.member !== from.member) {
    return `imports ${target}, but ${from.folder} do not know one another`;
  }
  return undefined;
}

interface Place {
  /** Folder directly under src; empty for a file there. */
  readonly folder: string;
  /** Folder within that folder; empty for a file there. */
  readonly member: string;
}

function placeOf(file: string): Place {
  const parts = file.split('/').slice(1, -1);
  return { folder: parts[0] ?? '', member: parts[1] ?? '' };
}

async function readSources(): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(import.meta.dirname, { recursive: true });
  const wanted = names.filter((name) => name.endsWith('.ts') && !name.startsWith(join('testing', 'vectors'))).toSorted();
  const texts = await Promise.all(wanted.map((name) => readFile(join(import.meta.dirname, name), 'utf8')));
  return new Map(wanted.map((name, index) => [`src/${name.replaceAll('\\', '/')}`, texts[index] as string]));
}

describe('the source tree', () => {
  test('keeps to the map', async () => {
    const files = await readSources();
    assert.ok(files.size > 10, 'the source files are found');
    assert.deepEqual(violationsOf(files), []);
  });
});

describe('a violation is found:', () => {
  const planted: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    [
      'core imports anything of ours',
      { 'src/core/feed.ts': `import type { Log } from '../observe/log.ts';` },
      /core must not know observe/,
    ],
    [
      'a protocol imports the core',
      { 'src/protocols/sse/parse.ts': `import { x } from '../../core/x.ts';` },
      /protocols must not know core/,
    ],
    ['control imports the gateway', { 'src/control/server.ts': `import { x } from '../gateway/x.ts';` }, /control must not know gateway/],
    ['an entrypoint imports a sibling', { 'src/entrypoints/sse/a.ts': `import { x } from '../poll/b.ts';` }, /do not know one another/],
    ['an entrypoint imports a store', { 'src/entrypoints/sse/a.ts': `import { x } from '../../store/b.ts';` }, /must not know store/],
    [
      'what siblings share imports one of them',
      { 'src/policies/presets.ts': `import { x } from './jwt/b.ts';` },
      /do not know one another/,
    ],
    [
      'the gateway names a policy outside the registry',
      { 'src/gateway/a.ts': `import { x } from '../policies/jwt/b.ts';` },
      /only registry.ts/,
    ],
    ['an import over several lines', { 'src/core/a.ts': `import {\n  type A,\n  b,\n} from\n  "../store/b.ts";` }, /must not know store/],
    ['an import for its effect', { 'src/core/a.ts': `import '../store/b.ts';` }, /must not know store/],
    ['an import when it runs', { 'src/core/a.ts': `const x = await import('../store/b.ts');` }, /must not know store/],
    ['an import of a type in an expression', { 'src/core/a.ts': `let x: import('../store/b.ts').X;` }, /must not know store/],
    ['an import of a computed name', { 'src/core/a.ts': `await import(name);` }, /only known when it runs/],
    ['an import of a name put together', { 'src/core/a.ts': 'await import(`../${name}.ts`);' }, /only known when it runs/],
    ['a worker of another folder', { 'src/core/a.ts': `new URL('../store/worker.ts', import.meta.url)` }, /must not know store/],
    ['a test suite in the program', { 'src/cli/a.ts': `import { x } from '../testing/b.ts';` }, /only tests may/],
    ['a file outside of src', { 'src/cli/a.ts': `import { x } from '../../bench/b.ts';` }, /not in src/],
    ['an unknown folder', { 'src/things/a.ts': '' }, /not on the map/],
    ['a vague name', { 'src/core/utils.ts': '' }, /does not say/],
    ['a vague name with a suffix', { 'src/core/helpers.test.ts': '' }, /does not say/],
    ['a default export', { 'src/core/a.ts': 'export default function a() {}' }, /default export/],
    ['a renamed default export', { 'src/core/a.ts': 'export { a as default };' }, /default export/],
    ['a barrel', { 'src/core/a.ts': `export * from './b.ts';` }, /exports .\/b.ts again/],
    ['a long file', { 'src/core/a.ts': '\n'.repeat(401) }, /401 lines/],
    [
      'a ring',
      {
        'src/core/a.ts': `import { b } from './b.ts';`,
        'src/core/b.ts': `import { c } from './c.ts';`,
        'src/core/c.ts': `import { a } from './a.ts';`,
      },
      /a.ts → src\/core\/b.ts → src\/core\/c.ts → src\/core\/a.ts/,
    ],
  ];
  for (const [name, files, expected] of planted) {
    test(name, () => {
      const found = violationsOf(new Map(Object.entries(files)));
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] as string, expected);
    });
  }
});

describe('no violation is', () => {
  const allowed: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    [
      'a ring of types, which is gone when the program runs',
      {
        'src/core/a.ts': `import type { B } from './b.ts';`,
        'src/core/b.ts': `import { type A, type C } from './a.ts';`,
      },
    ],
    ['a test that reaches across the map', { 'src/core/a.test.ts': `import { x } from '../backbones/embedded/x.ts';` }],
    ['a package or a built-in module', { 'src/core/a.ts': `import { x } from 'node:fs';\nimport y from 'ws';` }],
    ['the registry naming what exists', { 'src/gateway/registry.ts': `import { x } from '../policies/jwt/b.ts';` }],
    ['a policy using what policies share', { 'src/policies/jwt/a.ts': `import { x } from '../presets.ts';` }],
    ['a protocol building on another', { 'src/protocols/sse/a.ts': `import { x } from '../cloudevents/x.ts';` }],
    ['an exported function that reads from something', { 'src/core/a.ts': `export function from(a: string) { return a + 'x'; }` }],
  ];
  for (const [name, files] of allowed) {
    test(name, () => assert.deepEqual(violationsOf(new Map(Object.entries(files))), []));
  }
});
