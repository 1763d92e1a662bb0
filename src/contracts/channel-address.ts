/** One piece of a segment: a literal text, or a parameter that takes at least one character. */
export type Piece = { readonly literal: string } | { readonly parameter: string };

/** What one segment of an address template matches. */
export interface Segment {
  /** Never two parameters in a row. */
  readonly pieces: readonly Piece[];
}

/** An address template cut at its slashes. */
export interface AddressTemplate {
  readonly segments: readonly Segment[];
  readonly parameters: readonly string[];
}

const mostCharacters = 1024;

/** The address as the gateway uses it: without the leading slash. */
export function normaliseAddress(address: string): string {
  return address.startsWith('/') ? address.slice(1) : address;
}

/** Cuts a normalised template, or says as the rest of a sentence why it cannot be routed. */
export function parseAddress(address: string): AddressTemplate | string {
  if (address.length > mostCharacters) return `is longer than ${mostCharacters} characters`;
  if (/[?#]/.test(address)) return 'must not have a query or a fragment (`?`, `#`)';
  if (address === '-' || address.startsWith('-/'))
    return 'must not begin with the segment `-`, under which every API keeps what is no channel';
  const segments: Segment[] = [];
  for (const text of address.split('/')) {
    const segment = parseSegment(text);
    if (typeof segment === 'string') return segment;
    segments.push(segment);
  }
  const parameters = segments.flatMap((segment) => segment.pieces.flatMap((piece) => ('parameter' in piece ? [piece.parameter] : [])));
  const twice = parameters.find((name, index) => parameters.indexOf(name) !== index);
  if (twice !== undefined) return `has the parameter \`{${twice}}\` twice`;
  return { segments, parameters };
}

function parseSegment(text: string): Segment | string {
  if (text === '.' || text === '..') return 'must not have a segment `.` or `..`, which no URL can carry';
  if (text.includes('*')) return 'must not contain `*`, which stands for any segment when reading; use a parameter such as `{id}`';
  const pieces: Piece[] = [];
  let rest = text;
  while (rest !== '') {
    const open = rest.search(/[{}]/);
    if (open < 0) {
      pieces.push({ literal: rest });
      break;
    }
    if (open > 0) pieces.push({ literal: rest.slice(0, open) });
    const close = rest.indexOf('}', open);
    const name = rest.slice(open + 1, close);
    if (rest[open] === '}' || close < 0 || name.includes('{')) return 'has a brace without its other half within the segment';
    if (!/^[A-Za-z0-9_.-]{1,128}$/.test(name)) return 'has a parameter whose name is not letters, digits, `_`, `-` or `.`';
    const last = pieces.at(-1);
    if (last !== undefined && 'parameter' in last)
      return 'has two parameters with nothing between them, so nobody could tell their values apart';
    pieces.push({ parameter: name });
    rest = rest.slice(close + 1);
  }
  return { pieces };
}

/** The text of the segment when it has no parameter. */
export function literalOf(segment: Segment): string | undefined {
  const [first] = segment.pieces;
  if (first === undefined) return '';
  return segment.pieces.length === 1 && 'literal' in first ? first.literal : undefined;
}

/**
 * The values of the segment's parameters in a concrete text, in order; undefined when it does not match. Each literal is taken
 * at its first place after the one before, the last at the end, so the time is linear.
 */
export function matchSegment(segment: Segment, text: string): readonly string[] | undefined {
  const { pieces } = segment;
  if (pieces.length === 0) return text === '' ? [] : undefined;
  const values: string[] = [];
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    if ('parameter' in piece) {
      if (index === pieces.length - 1) values.push(text.slice(at));
      continue;
    }
    const afterParameter = index > 0;
    const last = index === pieces.length - 1;
    const place = !afterParameter
      ? text.startsWith(piece.literal)
        ? 0
        : -1
      : last
        ? lastPlace(text, piece.literal, at)
        : text.indexOf(piece.literal, at + 1);
    if (place < 0) return undefined;
    if (afterParameter) values.push(text.slice(at, place));
    at = place + piece.literal.length;
    if (last && at !== text.length) return undefined;
  }
  return values.every((value) => value !== '') ? values : undefined;
}

function lastPlace(text: string, literal: string, after: number): number {
  const place = text.length - literal.length;
  return place > after && text.endsWith(literal) ? place : -1;
}
