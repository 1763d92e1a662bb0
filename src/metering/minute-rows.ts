/** A row of figures of one minute: absolute values, so that writing it again changes nothing. */
export interface MinuteRow {
  readonly minute: number;
  isDirty: boolean;
}

/** Rows by minute and key, kept in memory until their minute is over and they are written. */
export class MinuteRows<Row extends MinuteRow> {
  readonly #mostRows: number;
  readonly #rows = new Map<string, Row>();
  #dirty: Row[] = [];
  #writing: Row[] = [];
  #minute = 0;

  constructor(mostRows: number) {
    this.#mostRows = mostRows;
  }

  get dirty(): boolean {
    return this.#dirty.length > 0;
  }

  /** Whether another key needs a coarser one: names that clients choose must not fill the memory. */
  get isFull(): boolean {
    return this.#rows.size >= this.#mostRows;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  add(key: string, row: Row): Row {
    this.#rows.set(key, row);
    return row;
  }

  values(): Iterable<Row> {
    return this.#rows.values();
  }

  touch(row: Row): void {
    if (row.isDirty) return;
    row.isDirty = true;
    this.#dirty.push(row);
  }

  collect(): readonly Row[] {
    this.#writing = this.#dirty;
    this.#dirty = [];
    for (const row of this.#writing) row.isDirty = false;
    return this.#writing;
  }

  /** Rows of minutes before `minute` are let go. */
  committed(minute: number): void {
    this.#writing = [];
    if (minute === this.#minute) return;
    this.#minute = minute;
    for (const [key, row] of this.#rows) if (row.minute < minute && !row.isDirty) this.#rows.delete(key);
  }

  failed(): void {
    for (const row of this.#writing) this.touch(row);
    this.#writing = [];
  }
}
