import type { SqlValue, Statement } from '../store/database.ts';

/** Rows in one statement: few enough texts that each stays prepared, enough rows that a statement costs little. */
const sizes = [64, 8, 1] as const;

/** Statements that write many rows at once: `before` the list of values, `after` it. All rows have `columns` values. */
export function bulk(before: string, after: string, columns: number, rows: readonly (readonly SqlValue[])[]): readonly Statement[] {
  const statements: Statement[] = [];
  const row = `(${Array.from({ length: columns }, () => '?').join(',')})`;
  let next = 0;
  for (const size of sizes) {
    if (rows.length - next < size) continue;
    const sql = `${before} VALUES ${Array.from({ length: size }, () => row).join(',')} ${after}`;
    for (; rows.length - next >= size; next += size) statements.push({ sql, parameters: rows.slice(next, next + size).flat() });
  }
  return statements;
}
