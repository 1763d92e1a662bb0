// Compiles src/ into dist/ and copies beside it what the compiler does not: the files that the code reads when it runs.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const source = fileURLToPath(new URL('src', root));
const target = fileURLToPath(new URL('dist', root));
const testing = fileURLToPath(new URL('src/testing', root));

rmSync(target, { recursive: true, force: true });
const compiler = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
const { status, error } = spawnSync(process.execPath, [compiler, '-p', fileURLToPath(new URL('tsconfig.build.json', root))], {
  stdio: 'inherit',
});
if (error) throw error;
if (status !== 0) process.exit(status ?? 1);
cpSync(source, target, { recursive: true, filter: (path) => path !== testing && !path.endsWith('.ts') });
