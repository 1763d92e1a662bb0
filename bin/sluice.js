#!/usr/bin/env node
// Plain JavaScript that old versions of Node can read: it finds a Node that is new enough and starts the command line.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const wantedMajor = 24;
const here = dirname(fileURLToPath(import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= wantedMajor) {
  nodeModule.enableCompileCache?.();
  const source = join(here, '..', 'src', 'cli', 'main.ts');
  await import(existsSync(source) ? '../src/cli/main.ts' : '../dist/cli/main.js');
} else {
  const node = ownNode();
  if (node === undefined) {
    process.stderr.write(
      `sluice: needs Node ${wantedMajor} or newer; this is ${process.version}. Install it from https://nodejs.org, or run npm install without --omit=optional.\n`,
    );
    process.exit(1);
  }
  runWith(node);
}

function ownNode() {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    const node = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

function runWith(node) {
  // The channel tells the child when this process is killed outright, which no signal handler could.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, SLUICE_WRAPPED: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`sluice: could not start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
