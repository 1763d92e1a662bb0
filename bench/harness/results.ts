import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Figures } from './instrument.ts';
import type { Machine } from './machine.ts';

/** A claim with its bound and what was measured. */
export interface Bar {
  readonly claim: string;
  readonly measured: number;
  readonly bound: number;
  readonly held: boolean;
}

/** One row of a table: a name and its cells. */
export type Row = readonly [string, ...(number | string)[]];

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export interface Results {
  readonly name: string;
  readonly date: string;
  readonly command: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  /** What makes the run worthless, such as a generator at its limit. */
  readonly faults: readonly string[];
  readonly tables: readonly Table[];
  readonly bars: readonly Bar[];
  /** Every single measurement by what and whom. */
  readonly runs: Readonly<Record<string, readonly Figures[]>>;
}

/** The middle value; of an even number the lower of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}

/** The median of each figure over several runs. */
export function medians(runs: readonly Figures[]): Figures {
  return Object.fromEntries(Object.keys(runs[0] ?? {}).map((key) => [key, median(runs.map((run) => run[key] ?? Number.NaN))]));
}

/** A claim that holds when the measured value is at most the bound. */
export function atMost(claim: string, measured: number, bound: number): Bar {
  return { claim, measured, bound, held: measured <= bound };
}

/** A claim that holds when the measured value is at least the bound. */
export function atLeast(claim: string, measured: number, bound: number): Bar {
  return { claim, measured, bound, held: measured >= bound };
}

/** Results as Markdown. */
export function render({ name, date, command, quick, machine, versions, notes, faults, tables, bars }: Results): string {
  const parts = [
    `# ${name}, ${date.slice(0, 10)}`,
    `\`${command}\`, commit ${machine.commit}. ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}, ` +
      `${machine.fileSystem} with ${machine.syncsPerSecond} fdatasync/s, ${machine.openFiles} open files a process.`,
    Object.entries(versions)
      .map(([who, version]) => `${who}: ${version}`)
      .join('; '),
  ];
  if (quick) parts.push('**A quick run: it shows that everything works; its figures are not to be quoted.**');
  for (const fault of faults) parts.push(`**Invalid: ${fault}**`);
  for (const table of tables) parts.push(`## ${table.title}`, renderTable(table));
  if (bars.length > 0) {
    const rows: Row[] = bars.map(({ claim, measured, bound, held }) => [claim, measured, bound, held ? 'held' : 'missed']);
    parts.push('## Bars', renderTable({ title: '', columns: ['claim', 'measured', 'bound', ''], rows }));
  }
  if (notes.length > 0) parts.push('## Notes', notes.map((note) => `- ${note}`).join('\n'));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Writes `bench/results/NAME-DATE.json` and `.md`; a quick run, or a faulty one, is kept apart in the cache. Returns the Markdown file. */
export function save(results: Results, cacheFolder: string): string {
  const isGood = !results.quick && results.faults.length === 0;
  const folder = isGood ? resolve(import.meta.dirname, '../results') : join(cacheFolder, 'results');
  mkdirSync(folder, { recursive: true });
  const base = join(folder, `${results.name}-${results.date.slice(0, 16).replaceAll(':', '')}`);
  writeFileSync(`${base}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(`${base}.md`, render(results));
  return `${base}.md`;
}

function renderTable({ columns, rows }: Table): string {
  const cells = [['', ...columns.slice(0)], ...rows.map((row) => row.map(cell))];
  const body = columns.length + 1 === (rows[0]?.length ?? 0) ? cells : [columns.map(String), ...cells.slice(1)];
  const widths = (body[0] ?? []).map((_, column) => Math.max(3, ...body.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => (column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(body[0] ?? []), rule, ...body.slice(1).map(line)].join('\n');
}

function cell(value: number | string): string {
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 2);
}
