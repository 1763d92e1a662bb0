import type { PlacedProblem } from './place.ts';
import { pointerTo } from './place.ts';
import { isRecord } from './shape.ts';

export interface Substitution {
  readonly value: unknown;
  /** Pointers of the values that came from outside. */
  readonly secrets: ReadonlySet<string>;
  readonly problems: readonly PlacedProblem[];
}

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Rejects with an Error whose message says why. */
  readonly readSecretFile: (path: string) => Promise<string>;
}

/** Contracts written inside the configuration are other people's documents: taken as they are. */
const untouched = /^\/apis\/[^/]+\/contract\//;

/** Replaces `${env:NAME}` and `${file:PATH}` in every text of a document; `$${` stands for a plain `${`. */
export async function substitute(document: unknown, sources: SecretSources): Promise<Substitution> {
  const secrets = new Set<string>();
  const problems: PlacedProblem[] = [];

  async function walk(value: unknown, pointer: string): Promise<unknown> {
    if (typeof value === 'string') return value.includes('${') && !untouched.test(pointer) ? await replace(value, pointer) : value;
    if (Array.isArray(value)) {
      const members: unknown[] = [];
      for (const [index, member] of value.entries()) members.push(await walk(member, pointerTo(pointer, index)));
      return members;
    }
    if (!isRecord(value)) return value;
    const entries: [string, unknown][] = [];
    for (const [key, member] of Object.entries(value)) entries.push([key, await walk(member, pointerTo(pointer, key))]);
    return Object.fromEntries(entries);
  }

  async function replace(text: string, pointer: string): Promise<string> {
    let result = '';
    let from = 0;
    for (const match of text.matchAll(/\$\$\{|\$\{([^}]*)\}?/g)) {
      result += text.slice(from, match.index);
      from = match.index + match[0].length;
      result += match[0] === '$${' ? '${' : await lookUp(match[0], match[1] ?? '', pointer);
    }
    return result + text.slice(from);
  }

  async function lookUp(whole: string, inner: string, pointer: string): Promise<string> {
    const [, source, name] = /^(env|file):(.+)$/.exec(inner) ?? [];
    if (source === undefined || name === undefined || !whole.endsWith('}')) {
      problems.push({
        path: pointer,
        sentence: 'holds a `${` that is neither `${env:NAME}` nor `${file:PATH}`; write `$${` for a plain `${`',
      });
      return '';
    }
    secrets.add(pointer);
    if (source === 'file') return await fromFile(name, pointer);
    const value = Object.hasOwn(sources.env, name) ? sources.env[name] : undefined;
    if (value === undefined || value === '')
      problems.push({ path: pointer, sentence: `the environment variable ${name} is ${value === '' ? 'empty' : 'not set'}` });
    return value ?? '';
  }

  async function fromFile(path: string, pointer: string): Promise<string> {
    try {
      return (await sources.readSecretFile(path)).replace(/\r?\n$/, '');
    } catch (error) {
      problems.push({ path: pointer, sentence: error instanceof Error ? error.message : String(error) });
      return '';
    }
  }

  const value = await walk(document, '');
  return { value, secrets, problems };
}
