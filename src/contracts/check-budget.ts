/** A check that was given up because it would take too long. */
export class TooExpensive extends Error {
  override readonly name = 'TooExpensive';
}

/** One unit is about the work of one character in one state of a pattern; the whole is well under a second. */
const unitsPerCheck = 50_000_000;

/** What is left of the work that one check may do: schemas and events together decide the work, and either may be hostile. */
export class CheckBudget {
  #units = unitsPerCheck;

  reset(): void {
    this.#units = unitsPerCheck;
  }

  /** Throws TooExpensive when nothing is left. */
  charge(units: number): void {
    this.#units -= units;
    if (this.#units < 0) throw new TooExpensive('The check takes too long.');
  }
}
