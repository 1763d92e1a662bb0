import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Where a command writes: data to stdout, everything said to people to stderr. */
export class Output {
  /** Whether data is wanted as JSON, one object per line. */
  readonly json: boolean;
  readonly #stdout: Writable;
  readonly #stderr: Writable;

  constructor(json: boolean, stdout: Writable, stderr: Writable) {
    this.json = json;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** One line of data; resolves when the reader of stdout can take more. */
  async line(text: string): Promise<void> {
    if (!this.#stdout.write(`${text}\n`) && !this.#stdout.destroyed) await once(this.#stdout, 'drain');
  }

  /** One object on a line. */
  async object(value: unknown): Promise<void> {
    await this.line(JSON.stringify(value));
  }

  /** Something for people: progress, hints, next steps. */
  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** The object with `--json`, the text otherwise. */
  async show(value: unknown, text: () => string): Promise<void> {
    await (this.json ? this.object(value) : this.line(text()));
  }

  /** Every row on a line of its own: as objects with `--json`, else as a table with the named columns. */
  async rows(rows: readonly Readonly<Record<string, unknown>>[], columns: readonly string[]): Promise<void> {
    if (this.json) {
      for (const row of rows) await this.object(row);
      return;
    }
    for (const line of table(rows, columns)) await this.line(line);
  }
}

function table(rows: readonly Readonly<Record<string, unknown>>[], columns: readonly string[]): string[] {
  const lines = [columns.map((column) => column.toUpperCase()), ...rows.map((row) => columns.map((column) => cell(row[column], column)))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines.map((line) =>
    line
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function cell(value: unknown, column: string): string {
  if (value === undefined || value === null) return '-';
  if (typeof value === 'number' && isTime(column)) return new Date(value).toISOString();
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return printable(text);
}

/** Members that hold a wall time in milliseconds, by the names they have in the management API. */
function isTime(name: string): boolean {
  return name.endsWith('At') || name === 'lastUsed';
}

/** Text from outside that cannot move the cursor or colour the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}
