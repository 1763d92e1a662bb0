import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock } from '../core/clock.ts';

/** Milliseconds between two looks whether the file has changed. */
const interval = 1_000;
/** A larger file is taken for empty: nobody writes one by hand, and it would be kept in memory. */
const maxBytes = 1024 * 1024;

/** The names of a hosts file (hosts(5), usually /etc/hosts), read again within a second of a change. A file that cannot be read holds none. */
export class HostsFile {
  readonly #path: string;
  readonly #clock: Clock;
  #byName: ReadonlyMap<string, readonly string[]> = new Map();
  #version = '';
  #lookedAt = Number.NEGATIVE_INFINITY;
  #look: Promise<void> = Promise.resolve();

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** The addresses of a name in lower case, in the file's order; undefined when it is not there. */
  async addressesOf(name: string): Promise<readonly string[] | undefined> {
    const now = this.#clock.now();
    if (Math.abs(now - this.#lookedAt) >= interval) {
      this.#lookedAt = now;
      this.#look = this.#readIfChanged();
    }
    await this.#look;
    return this.#byName.get(name);
  }

  async #readIfChanged(): Promise<void> {
    try {
      const { ino, size, mtimeMs } = await stat(this.#path);
      const version = `${ino} ${size} ${mtimeMs}`;
      if (version === this.#version) return;
      this.#byName = size > maxBytes ? new Map() : parseHosts(await readFile(this.#path, 'utf8'));
      this.#version = version;
    } catch {
      this.#byName = new Map();
      this.#version = '';
    }
  }
}

function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const byName = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase().replace(/\.$/, '');
      const known = byName.get(key);
      if (known === undefined) byName.set(key, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return byName;
}
