import type { SqlValue } from './database.ts';

/** Milliseconds. */
const latest = 8_640_000_000_000_000;

/**
 * Reads the columns of one row that may be damaged: where something else stands than was written, it gives what does no harm and notes the
 * column, so that whoever reads decides once what becomes of the row.
 */
export class RowReader {
  readonly #row: Readonly<Record<string, SqlValue>>;
  readonly #damaged: string[] = [];

  constructor(row: Readonly<Record<string, SqlValue>>) {
    this.#row = row;
  }

  /** Columns that were read and are not as they were written, in the order in which they were read. */
  get damaged(): readonly string[] {
    return this.#damaged;
  }

  /** Empty where it is no text. */
  text(column: string): string {
    const value = this.#row[column];
    return typeof value === 'string' ? value : this.#note(column, '');
  }

  textOrNone(column: string): string | undefined {
    return this.#isNone(column) ? undefined : this.text(column);
  }

  /** Empty where it is no absolute URL. */
  url(column: string): string {
    const value = this.#row[column];
    return typeof value === 'string' && URL.canParse(value) ? value : this.#note(column, '');
  }

  /** A count or a time; 0 where it is no number from 0 up to the last moment that a date can be. */
  amount(column: string): number {
    const value = this.#row[column];
    return typeof value === 'number' && value >= 0 && value <= latest ? value : this.#note(column, 0);
  }

  amountOrNone(column: string): number | undefined {
    return this.#isNone(column) ? undefined : this.amount(column);
  }

  /** The first of those there are where it is none of them. */
  choice<T extends string>(column: string, among: readonly [T, ...T[]]): T {
    const value = this.#row[column];
    return among.find((one) => one === value) ?? this.#note(column, among[0]);
  }

  /** `otherwise` where it is no JSON, or not of this shape. */
  json<T>(column: string, isRight: (value: unknown) => value is T, otherwise: T): T {
    try {
      const value: unknown = JSON.parse(String(this.#row[column]));
      if (isRight(value)) return value;
    } catch {
      // As for a wrong shape.
    }
    return this.#note(column, otherwise);
  }

  #isNone(column: string): boolean {
    return this.#row[column] === null;
  }

  #note<T>(column: string, instead: T): T {
    this.#damaged.push(column);
    return instead;
  }
}
