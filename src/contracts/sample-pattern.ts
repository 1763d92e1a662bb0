import { SampleError } from './sample-error.ts';
import type { SampleRandom } from './sample-random.ts';

/** Characters by their code points, both ends included. */
type Ranges = readonly (readonly [from: number, to: number])[];

type Piece =
  | { readonly set: Ranges }
  | { readonly sequence: readonly Piece[] }
  | { readonly either: readonly Piece[] }
  | { readonly repeat: Piece; readonly least: number; readonly most: number };

const digits: Ranges = [[0x30, 0x39]];
const upper: Ranges = [[0x41, 0x5a]];
const lower: Ranges = [[0x61, 0x7a]];
const wordCharacters: Ranges = [...lower, ...digits, ...upper, [0x5f, 0x5f]];
const space: Ranges = [[0x20, 0x20]];
/** What a negated class is chosen from; a text for people has no other characters. */
const printable: Ranges = [
  [0x21, 0x7e],
  [0xc0, 0x17f],
];
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 };

const mostCharacters = 16 * 1024;
const mostNesting = 100;

/**
 * A text that an ECMA-262 pattern most likely matches; `extra` is how often at most something without an upper bound is repeated beyond
 * what it must. Whether it matches is for the caller to check: conditions on places (`\b`) are passed over. Throws SampleError.
 */
export function samplePattern(source: string, random: SampleRandom, extra: number): string {
  const pieces: string[] = [];
  write(new PatternReader(source).whole(), { random, extra, pieces, left: mostCharacters });
  return pieces.join('');
}

interface Writing {
  readonly random: SampleRandom;
  readonly extra: number;
  readonly pieces: string[];
  left: number;
}

function write(piece: Piece, writing: Writing): void {
  writing.left -= 1;
  if (writing.left < 0) throw new SampleError(`its pattern asks for more than ${mostCharacters} characters`);
  const { random } = writing;
  if ('set' in piece) {
    const [from, to] = random.pick(piece.set) ?? [];
    if (from === undefined || to === undefined) throw new SampleError('its pattern has a class without a character');
    writing.pieces.push(String.fromCodePoint(random.whole(from, to)));
  } else if ('sequence' in piece) {
    for (const each of piece.sequence) write(each, writing);
  } else if ('either' in piece) {
    const chosen = random.pick(piece.either);
    if (chosen !== undefined) write(chosen, writing);
  } else {
    const most = Math.min(piece.most, piece.least + writing.extra);
    for (let times = random.whole(piece.least, most); times > 0; times -= 1) write(piece.repeat, writing);
  }
}

/** Reads what a linear-time engine has taken already; what it does not know stands for itself. */
class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;
  #nesting = 0;

  constructor(source: string) {
    this.#characters = Array.from(source);
  }

  whole(): Piece {
    return this.#either();
  }

  #either(): Piece {
    this.#nesting += 1;
    if (this.#nesting > mostNesting) throw new SampleError('its pattern is nested too deep');
    const branches: Piece[] = [this.#sequence()];
    while (this.#take('|')) branches.push(this.#sequence());
    this.#nesting -= 1;
    return branches.length === 1 ? (branches[0] as Piece) : { either: branches };
  }

  #sequence(): Piece {
    const sequence: Piece[] = [];
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek()) {
      const piece = this.#one();
      if (piece !== undefined) sequence.push(this.#repeated(piece));
    }
    return { sequence };
  }

  #one(): Piece | undefined {
    const character = this.#next();
    if (character === '^' || character === '$') return undefined;
    if (character === '.') return { set: wordCharacters };
    if (character === '[') return { set: this.#class() };
    if (character === '(') {
      if (this.#take('?') && !this.#take(':')) while (this.#peek() !== undefined && this.#next() !== '>');
      const inner = this.#either();
      this.#take(')');
      return inner;
    }
    if (character !== '\\') return { set: only(character) };
    if (this.#take('b') || this.#take('B')) return undefined;
    return { set: this.#escaped() };
  }

  #repeated(piece: Piece): Piece {
    const [least, most] = this.#counts();
    if (least === 1 && most === 1) return piece;
    this.#take('?');
    return { repeat: piece, least, most };
  }

  #counts(): readonly [number, number] {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const counted = /^\{(\d{1,5})(,(\d{0,5}))?\}/.exec(this.#characters.slice(this.#at, this.#at + 14).join(''));
    if (counted === null) return [1, 1];
    this.#at += counted[0].length;
    const least = Number(counted[1]);
    if (counted[2] === undefined) return [least, least];
    return [least, counted[3] === '' ? Infinity : Number(counted[3])];
  }

  #class(): Ranges {
    const negated = this.#take('^');
    const ranges: (readonly [number, number])[] = [];
    while (this.#peek() !== undefined && !this.#take(']')) {
      const first = this.#member();
      const [start] = first;
      const isRange = first.length === 1 && this.#peek() === '-' && this.#characters[this.#at + 1] !== ']';
      if (!isRange || start === undefined) {
        ranges.push(...first);
        continue;
      }
      this.#at += 1;
      const end = this.#member()[0];
      ranges.push([start[0], Math.max(start[0], end?.[1] ?? start[0])]);
    }
    return negated ? without(ranges) : preferPrintable(ranges);
  }

  #member(): Ranges {
    const character = this.#next();
    if (character !== '\\') return only(character);
    return this.#take('b') ? [[8, 8]] : this.#escaped();
  }

  #escaped(): Ranges {
    const letter = this.#next();
    if (letter === 'd') return digits;
    if (letter === 'D') return lower;
    if (letter === 'w') return wordCharacters;
    if (letter === 'W') return [[0x2d, 0x2d]];
    if (letter === 's') return space;
    if (letter === 'S') return wordCharacters;
    if (letter === 'p' || letter === 'P') return this.#property(letter === 'P');
    if (letter === 'x') return this.#code(2) ?? only(letter);
    if (letter === 'u') return this.#code(4) ?? only(letter);
    const control = letter === 'c' ? this.#next().charCodeAt(0) % 32 : controls[letter];
    return control === undefined ? only(letter) : [[control, control]];
  }

  #property(negated: boolean): Ranges {
    let name = '';
    if (!this.#take('{')) name = this.#next();
    else while (this.#peek() !== undefined && !this.#take('}')) name += this.#next();
    const value = name.replace(/^.*=/, '');
    if (negated) return value.startsWith('N') ? lower : digits;
    if (/^(Lu|Upper)/.test(value)) return upper;
    if (value.startsWith('N')) return digits;
    if (value.startsWith('P')) return [[0x2d, 0x2d]];
    if (/^(S$|Sm)/.test(value)) return [[0x2b, 0x2b]];
    return value.startsWith('Z') ? space : lower;
  }

  #code(length: number): Ranges | undefined {
    const braced = this.#peek() === '{';
    const text = this.#characters.slice(this.#at, this.#at + (braced ? 8 : length)).join('');
    const found = braced ? /^\{([0-9a-fA-F]{1,6})\}/.exec(text) : new RegExp(`^([0-9a-fA-F]{${length}})`).exec(text);
    if (found === null) return undefined;
    this.#at += found[0].length;
    const code = Math.min(0x10ffff, Number.parseInt(found[1] as string, 16));
    return [[code, code]];
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string {
    const character = this.#characters[this.#at];
    if (character === undefined) throw new SampleError('its pattern ends too early');
    this.#at += 1;
    return character;
  }

  #take(wanted: string): boolean {
    if (this.#characters[this.#at] !== wanted) return false;
    this.#at += 1;
    return true;
  }
}

function only(character: string): Ranges {
  const code = character.codePointAt(0) ?? 0x20;
  return [[code, code]];
}

function without(ranges: Ranges): Ranges {
  let left = printable;
  for (const [from, to] of ranges) {
    left = left.flatMap(([low, high]) =>
      to < low || from > high
        ? [[low, high] as const]
        : [[low, from - 1] as const, [to + 1, high] as const].filter(([start, end]) => start <= end),
    );
  }
  return left;
}

/** The part of a class that people can read, when it has one. */
function preferPrintable(ranges: Ranges): Ranges {
  const readable = ranges.map(([from, to]) => [Math.max(from, 0x20), Math.min(to, 0x7e)] as const).filter(([from, to]) => from <= to);
  return readable.length > 0 ? readable : ranges;
}
