import type { Document, Node } from 'yaml';
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { ConfigProblem } from './config-error.ts';
import { pointerSegments } from './place.ts';

/** Bytes of a configuration file. */
export const maxConfigBytes = 4 * 1024 * 1024;

/** Aliases that are expanded: enough for people, too few for a document that doubles itself. */
const maxAliases = 100;

/** A YAML document that knows where each of its values stands. */
export class ConfigDocument {
  readonly problems: readonly ConfigProblem[];
  /** The plain values; undefined when there are problems. */
  readonly value: unknown;
  readonly #document: Document.Parsed | undefined;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    try {
      const document = parseDocument(text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        uniqueKeys: true,
        stringKeys: true,
        version: '1.2',
      });
      this.#document = document;
      this.problems = [...document.errors, ...document.warnings].slice(0, 20).map((error) => ({
        ...this.#placeAt(error.pos[0]),
        path: '',
        sentence: error.code === 'MULTIPLE_DOCS' ? 'holds more than one document; keep the first' : firstLine(error.message),
      }));
      this.value = this.problems.length === 0 ? document.toJS({ maxAliasCount: maxAliases }) : undefined;
    } catch (error) {
      this.value = undefined;
      this.problems = [{ line: 1, column: 1, path: '', sentence: reason(error) }];
    }
  }

  /** Where the member a JSON pointer names stands; the nearest one around it when it does not exist. */
  locate(pointer: string): { readonly line: number; readonly column: number } {
    let node: unknown = this.#document?.contents;
    let offset = (node as Node | null | undefined)?.range?.[0] ?? 0;
    for (const segment of pointerSegments(pointer)) {
      if (isAlias(node)) node = node.resolve(this.#document!);
      const next = member(node, segment);
      if (next === undefined) break;
      offset = next.offset ?? offset;
      node = next.value;
    }
    return this.#placeAt(offset);
  }

  #placeAt(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

/** A member and where it begins: its key in an object, itself in a list. */
function member(node: unknown, segment: string): { readonly value: unknown; readonly offset: number | undefined } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === segment);
    return pair && { value: pair.value, offset: (pair.key as Node).range?.[0] };
  }
  if (!isSeq(node)) return undefined;
  const item = node.items[Number(segment)];
  return item === undefined ? undefined : { value: item, offset: (item as Node).range?.[0] };
}

function reason(error: unknown): string {
  if (error instanceof RangeError) return 'is nested too deeply';
  return error instanceof Error ? firstLine(error.message) : 'is not YAML';
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.slice(0, 300);
}
