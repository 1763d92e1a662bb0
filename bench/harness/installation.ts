import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Everything that is made or fetched for the benchmarks and not kept in the repository. */
export const cacheFolder = resolve(import.meta.dirname, '../.cache');

const programFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Where a program is; undefined when it is nowhere. Servers often lie in folders that are not in a user's PATH. */
export function findProgram(name: string): string | undefined {
  const folders = [join(cacheFolder, 'bin'), ...(process.env['PATH'] ?? '').split(':'), ...programFolders];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Installs a Debian package unless `isThere`; throws with apt-get's own words. */
export function requirePackage(name: string, isThere: () => boolean): void {
  if (isThere()) return;
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo'];
  process.stderr.write(`Installing ${name} …\n`);
  run([...asRoot, 'apt-get', 'update', '-qq']);
  run([...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-qq', '-y', '--no-install-recommends', name]);
  if (!isThere()) throw new Error(`${name} is installed, and what it should bring is still missing.`);
}

/** A program from a Debian package, installed when it is missing. */
export function requireProgram(name: string, packageName: string): string {
  requirePackage(packageName, () => findProgram(name) !== undefined);
  return findProgram(name) as string;
}

/** Version of an installed Debian package; empty when there is none of this name. */
export function packageVersion(name: string): string {
  return spawnSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' }).stdout.trim();
}

/** The nats-server of this version, built by Go where there is Go; else Debian's, which is older. */
export function requireNatsServer(version: string): string {
  const own = join(cacheFolder, 'bin', 'nats-server');
  if (existsSync(own)) return own;
  if (findProgram('go') === undefined) return requireProgram('nats-server', 'nats-server');
  process.stderr.write(`Building nats-server ${version} …\n`);
  mkdirSync(join(cacheFolder, 'bin'), { recursive: true });
  run(['go', 'install', `github.com/nats-io/nats-server/v2@${version}`], { GOBIN: join(cacheFolder, 'bin') });
  return own;
}

/** Installs the Node peers from their own lock file; returns their folder. */
export function requireNodePeers(): string {
  const folder = resolve(import.meta.dirname, '../peers/node');
  const stamp = join(folder, 'node_modules', '.installed-lock');
  const lock = join(folder, 'package-lock.json');
  if (existsSync(stamp) && readFileSync(stamp).equals(readFileSync(lock))) return folder;
  process.stderr.write('Installing the Node peers …\n');
  run(['npm', 'ci', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']);
  cpSync(lock, stamp);
  return folder;
}

/** First line of what a program prints about itself. */
export function firstLine(program: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim().split('\n')[0] ?? '';
}

function run([command = '', ...args]: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  try {
    execFileSync(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stderr } = error as { readonly stderr?: Buffer };
    throw new Error(`${[command, ...args].join(' ')} failed: ${stderr?.toString().trim().slice(-1000) ?? ''}`, { cause: error });
  }
}
