/** One step of the database's structure. The name is remembered for ever: never rename, reorder or edit one that was released, append another. */
export interface Migration {
  readonly name: string;
  /** SQL statements, run in order; all new migrations together are one transaction. */
  readonly up: readonly string[];
}
