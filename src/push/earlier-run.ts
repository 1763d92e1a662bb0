import type { Backbone } from '../core/backbone.ts';
import type { Position } from '../core/position.ts';
import { isAhead } from './is-ahead.ts';
import type { SavedDeliveries } from './load-endpoint.ts';
import type { OwedDelivery } from './owed-delivery.ts';

/** What an earlier run has made of events ahead of its cursor, which come again with the log. */
export class EarlierRun {
  readonly #delivered: ReadonlySet<Position>;
  readonly #dead: ReadonlySet<Position>;
  readonly #owed = new Map<Position, OwedDelivery>();
  /** Owed, and not ahead of the cursor: in the order of the log, those that go together in one. */
  readonly passed: readonly (readonly OwedDelivery[])[];

  constructor({ settled, dead, waiting }: SavedDeliveries, cursor: Position, backbone: Pick<Backbone, 'compare'>) {
    this.#delivered = new Set(settled);
    this.#dead = new Set(dead);
    const passed: OwedDelivery[] = [];
    for (const owed of waiting) {
      if (isAhead(backbone, owed.position, cursor)) this.add(owed);
      else passed.push(owed);
    }
    this.passed = together(inOrder(passed, cursor, backbone));
  }

  /** Whether nothing that is owed is still to come. */
  get isTaken(): boolean {
    return this.#owed.size === 0;
  }

  /** Whether it was delivered, is owed or was given up. */
  knows(position: Position): boolean {
    return this.#delivered.has(position) || this.#owed.has(position) || this.#dead.has(position);
  }

  wasDelivered(position: Position): boolean {
    return this.#delivered.has(position);
  }

  /** Unless somebody has asked for it since: see `take`. */
  wasGivenUp(position: Position): boolean {
    return this.#dead.has(position);
  }

  add(owed: OwedDelivery): void {
    this.#owed.set(owed.position, owed);
  }

  /** What is owed there, which is forgotten by that; and how many that go with it, itself among them, were still to come. */
  take(position: Position): { readonly owed: OwedDelivery; readonly together: number } | undefined {
    const owed = this.#owed.get(position);
    if (owed === undefined) return undefined;
    let count = 0;
    if (owed.batch !== undefined) for (const other of this.#owed.values()) if (other.batch === owed.batch) count += 1;
    this.#owed.delete(position);
    return { owed, together: Math.max(1, count) };
  }
}

/**
 * As they stand on the log: what was accepted at the same time was loaded as it came to be owed, and what waits behind others may be owed
 * before these. What is of no place on this log comes last.
 */
function inOrder(passed: readonly OwedDelivery[], cursor: Position, backbone: Pick<Backbone, 'compare'>): readonly OwedDelivery[] {
  const isOfLog = ({ position }: OwedDelivery): boolean => position === cursor || isAhead(backbone, cursor, position);
  const others = passed.filter((owed) => !isOfLog(owed));
  return [...passed.filter(isOfLog).toSorted((a, b) => backbone.compare(a.position, b.position)), ...others];
}

function together(owed: readonly OwedDelivery[]): readonly (readonly OwedDelivery[])[] {
  const groups = new Map<string, OwedDelivery[]>();
  for (const one of owed) {
    const key = one.batch ?? `alone ${one.position}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}
