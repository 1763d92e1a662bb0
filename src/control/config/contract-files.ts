import { posix } from 'node:path';
import { isScalar, parseDocument, visit } from 'yaml';
import type { ContractSource } from '../../store/resources.ts';
import { maxContractBytes } from './config-shape.ts';

/** Reads a file as UTF-8 text; rejects with an Error whose message says why. `within`: the file must really lie in this folder, links followed. */
export type ReadText = (path: string, options: { readonly maxBytes: number; readonly within?: string }) => Promise<string>;

/** A contract that refers to more files than this is a mistake or an attack. */
const maxFiles = 200;
const maxFilesBytes = 16 * 1024 * 1024;

/**
 * A contract and the files it refers to that lie beside or below it, each by its path relative to the contract's folder.
 * References elsewhere, to URLs and to files that are missing are left for the contract loader to refuse with their line.
 */
export async function readContract(name: string, path: string, readText: ReadText): Promise<ContractSource> {
  const folder = posix.dirname(path);
  const text = await readText(path, { maxBytes: maxContractBytes });
  const files = new Map<string, string>();
  const waiting = [...referencedFiles(text, '.')];
  let bytes = 0;
  while (waiting.length > 0) {
    const relative = waiting.shift()!;
    if (files.has(relative) || relative === posix.basename(path)) continue;
    if (files.size === maxFiles) throw new Error(`${name} refers to more than ${maxFiles} files`);
    const content = await readText(posix.join(folder, relative), { maxBytes: maxContractBytes, within: folder }).catch(() => undefined);
    if (content === undefined) continue;
    bytes += content.length;
    if (bytes > maxFilesBytes) throw new Error(`${name} and the files it refers to have more than ${maxFilesBytes / 1024 / 1024} MiB`);
    files.set(relative, content);
    waiting.push(...referencedFiles(content, posix.dirname(relative)));
  }
  return { name, text, files: Object.fromEntries(files) };
}

/** Paths, relative to the contract's folder, of the files that a document in `folder` refers to. */
function referencedFiles(text: string, folder: string): ReadonlySet<string> {
  const found = new Set<string>();
  try {
    const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false, uniqueKeys: false });
    visit(document, {
      Pair(_, pair) {
        if (!isScalar(pair.key) || pair.key.value !== '$ref' || !isScalar(pair.value)) return;
        const target = fileOf(String(pair.value.value), folder);
        if (target !== undefined) found.add(target);
      },
    });
  } catch {
    // A document too broken to look through: its loader says what is wrong.
  }
  return found;
}

function fileOf(reference: string, folder: string): string | undefined {
  const file = reference.split('#', 1)[0]!;
  if (file === '' || file.length > 500 || /^[a-z][a-z0-9+.-]*:|^[/\\]|[\u0000-\u001f\\]/i.test(file)) return undefined;
  const relative = posix.normalize(posix.join(folder, file));
  return relative.startsWith('..') ? undefined : relative;
}
