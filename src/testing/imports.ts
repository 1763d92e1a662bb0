import { dirname, join } from 'node:path/posix';

/** One import as it stands in a file: whether it is gone after type stripping, and whether it is a re-export. */
export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly reexport: boolean;
}

/** A specifier that only running the program would tell. */
export const computedSpecifier = '<computed>';

const statement = /^[ \t]*(import|export)\b(\s+type\b)?((?:[^'"`;=()]|\bas\b)*?)\bfrom\s*(['"])([^'"\n]+)\4/gm;
const sideEffect = /^[ \t]*import\s*(['"])([^'"\n]+)\1/gm;
const dynamic = /\bimport\s*\(\s*(?:(['"`])([^'"`\n$]+)\1\s*[,)]|(?=[^)\s]))/g;
const location = /\bnew\s+URL\(\s*(['"])(\.[^'"\n]+\.[jt]s)\1\s*,\s*import\.meta\.url/g;

/**
 * Every way in which a text names another module: import and export statements, `import()`, types by `import('…')`, and a worker's
 * `new URL('…', import.meta.url)`. Commented-out ones at the start of a line count too: there should be none.
 */
export function importsOf(text: string): readonly Import[] {
  const found: Import[] = [];
  for (const [, keyword, type, names = '', , specifier = ''] of text.matchAll(statement)) {
    const inlineTypes = /^\s*\{\s*(?:type\s[^,]*,?\s*)+\}\s*$/.test(names);
    found.push({ specifier, typeOnly: type !== undefined || inlineTypes, reexport: keyword === 'export' });
  }
  for (const [, , specifier = ''] of text.matchAll(sideEffect)) found.push({ specifier, typeOnly: false, reexport: false });
  for (const [, , specifier] of text.matchAll(dynamic))
    found.push({ specifier: specifier ?? computedSpecifier, typeOnly: false, reexport: false });
  for (const [, , specifier = ''] of text.matchAll(location)) found.push({ specifier, typeOnly: false, reexport: false });
  return found;
}

/** The path that a relative specifier in a file means; undefined for a package or a built-in module. */
export function resolveImport(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? join(dirname(file), specifier) : undefined;
}

/** Rings of files that import one another at run time, each named once, starting at its alphabetically first file. */
export function importCycles(files: ReadonlyMap<string, string>): readonly (readonly string[])[] {
  const edges = new Map<string, readonly string[]>();
  for (const [file, text] of files) {
    const targets = importsOf(text).filter((entry) => !entry.typeOnly);
    edges.set(
      file,
      targets
        .map((entry) => resolveImport(file, entry.specifier))
        .filter((target) => target !== undefined && files.has(target)) as string[],
    );
  }
  const rings = new Map<string, readonly string[]>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const ring = path.slice(start);
      const first = ring.indexOf(ring.toSorted()[0] as string);
      const turned = [...ring.slice(first), ...ring.slice(0, first)];
      rings.set(turned.join(' '), turned);
      return;
    }
    if (done.has(file)) return;
    for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of [...edges.keys()].toSorted()) visit(file, []);
  return [...rings.values()];
}
