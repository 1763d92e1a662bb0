import type { MemberTree } from '../protocols/json/select-members.ts';

/** Names of one path, so that a client cannot ask for more depth than any data here has. */
const maxNames = 32;
/** Paths of one projection: more are no projection. */
const maxPaths = 64;

/** Why a path cannot be read: the end of a sentence that begins with the parameter. */
export class MemberPathError extends Error {
  override readonly name = 'MemberPathError';
}

/** The names of a path such as `a.b`; a backslash takes the dot, comma or backslash behind it as part of a name. */
export function readMemberPath(text: string): readonly string[] {
  const paths = readPaths(text);
  const path = paths[0];
  if (path === undefined || paths.length > 1) throw new MemberPathError('one path such as symbol or order.id is expected');
  return path;
}

/** Paths divided by commas as one tree; of a path and one that goes on from it, the shorter keeps all. */
export function readMemberTree(text: string): MemberTree {
  const tree: Branch = new Map();
  for (const path of readPaths(text)) plant(tree, path);
  return tree;
}

/** The same text for the same members, however they were written. */
export function writeMemberTree(tree: MemberTree): string {
  return pathsOf(tree)
    .map((path) => path.map(escaped).join('.'))
    .toSorted()
    .join(',');
}

type Branch = Map<string, Branch | undefined>;

function plant(tree: Branch, path: readonly string[]): void {
  const [name, ...rest] = path as readonly [string, ...string[]];
  if (rest.length === 0) {
    tree.set(name, undefined);
    return;
  }
  if (!tree.has(name)) tree.set(name, new Map());
  const below = tree.get(name);
  if (below !== undefined) plant(below, rest);
}

function pathsOf(tree: MemberTree): readonly (readonly string[])[] {
  return [...tree].flatMap(([name, below]) => (below === undefined ? [[name]] : pathsOf(below).map((path) => [name, ...path])));
}

function readPaths(text: string): readonly (readonly string[])[] {
  const paths: string[][] = [['']];
  for (let at = 0; at < text.length; at += 1) {
    const path = paths.at(-1) as string[];
    const character = text[at] as string;
    if (character === ',') paths.push(['']);
    else if (character === '.') path.push('');
    else path[path.length - 1] += character === '\\' ? escapedAt(text, (at += 1)) : character;
  }
  if (paths.length > maxPaths) throw new MemberPathError(`there are ${paths.length} paths, of which at most ${maxPaths} are taken`);
  for (const path of paths) {
    if (path.includes('')) throw new MemberPathError('a name is missing; paths look like total or customer.name, divided by commas');
    if (path.length > maxNames) throw new MemberPathError(`a path has ${path.length} names, of which at most ${maxNames} are taken`);
  }
  return paths;
}

function escapedAt(text: string, at: number): string {
  const character = text[at];
  if (character === '.' || character === ',' || character === '\\') return character;
  throw new MemberPathError('a backslash stands before a dot, a comma or another backslash only');
}

function escaped(name: string): string {
  return name.replaceAll(/[\\.,]/g, '\\$&');
}
