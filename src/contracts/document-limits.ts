import { CST, Lexer, LineCounter } from 'yaml';

/** What a document may cost. Each bound keeps one hostile document from costing more than a moment of one thread. */
export interface DocumentLimits {
  /** Bytes in UTF-8 per file. */
  readonly bytes: number;
  /** Collections within collections. */
  readonly depth: number;
  /** Scalars and collections as written, and again with aliases followed. */
  readonly nodes: number;
}

export const documentLimits: DocumentLimits = { bytes: 2 * 1024 * 1024, depth: 128, nodes: 100_000 };

export interface Excess {
  readonly offset: number;
  readonly sentence: string;
}

const opening = new Set(['flow-seq-start', 'flow-map-start']);
const closing = new Set(['flow-seq-end', 'flow-map-end']);
const indicators = new Set(['seq-item-ind', 'explicit-key-ind', 'map-value-ind']);
const counted = new Set(['seq-item-ind', 'map-value-ind', 'comma', 'flow-seq-start', 'flow-map-start', 'alias', 'anchor']);

/**
 * Looks at the tokens only, before anything that recurses sees the text: brackets and one-line `- - -` may not nest
 * past the depth, and the whole may not have more nodes than the limit. Deeper nesting by indentation costs so
 * many bytes that the byte limit bounds it.
 */
export function findExcess(text: string, limits: DocumentLimits): Excess | undefined {
  let offset = 0;
  let nodes = 0;
  let brackets = 0;
  let onLine = 0;
  let content = false;
  for (const token of new Lexer().lex(text)) {
    const type: string | null = content ? 'content' : CST.tokenType(token);
    content = type === 'scalar';
    if (type === 'newline') onLine = 0;
    else if (type !== null && opening.has(type)) brackets += 1;
    else if (type !== null && closing.has(type)) brackets = Math.max(0, brackets - 1);
    else if (type !== null && indicators.has(type) && brackets === 0) onLine += 1;
    if (type !== null && counted.has(type)) nodes += 1;
    if (brackets > limits.depth || onLine > limits.depth) return { offset, sentence: tooDeep(limits) };
    if (nodes > limits.nodes) return { offset, sentence: tooMany(limits) };
    if (type !== 'scalar' && type !== 'doc-mode' && type !== 'flow-error-end') offset += token.length;
  }
  return undefined;
}

export function tooDeep(limits: DocumentLimits): string {
  return `The document nests deeper than ${limits.depth} levels from here on; make it flatter.`;
}

export function tooMany(limits: DocumentLimits): string {
  return `The document has more than ${limits.nodes} values from here on; split it, or leave out long lists.`;
}

/** Line and column, both from 1, of an offset. */
export function lineOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const counter = new LineCounter();
  counter.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) counter.addNewLine(at + 1);
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
}
