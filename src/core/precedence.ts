/** Milliseconds left to what is waited for. */
const rest = 1;

/**
 * What somebody waits for and is under way, on this thread or on another: those who can wait rest between their turns meanwhile, so that
 * on a machine with few cores a thousand clients that come back do not keep the thread that writes from what is published.
 */
export class Precedence {
  #underWay = 0;

  /** Until `work` is settled it goes first. */
  give(work: Promise<unknown>): void {
    this.#underWay += 1;
    const settled = (): void => void (this.#underWay -= 1);
    work.then(settled, settled);
  }

  /** Goes on at once, or a little later where something goes first. */
  afterRest(goOn: () => void): void {
    if (this.#underWay > 0) setTimeout(goOn, rest);
    else goOn();
  }
}
