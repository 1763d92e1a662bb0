import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { draft } from '../testing/backbone-events.ts';
import { DeliveryWindow, type Place } from './delivery-window.ts';

const at = (n: number): Position => `p${n}` as Position;
const event = (n: number): Event => new Event(draft(`e${n}`), 'a', at(n), 1000);

/** A window into which the events of a log were read: `e` to be delivered, `f` filtered out, `h` hidden. */
function windowOf(text: string): { readonly window: DeliveryWindow; readonly places: readonly Place[] } {
  const window = new DeliveryWindow(at(0));
  const places: Place[] = [];
  for (const [index, what] of Array.from(text).entries()) {
    if (what === 'e') places.push(window.add(event(index + 1), false));
    else if (what === 'f') window.pass(at(index + 1));
    else window.hide(at(index + 1));
  }
  return { window, places };
}

/** Every step of the cursor: how many events were billed and filtered by it, or that it passed over what is hidden. */
function steps(window: DeliveryWindow): readonly string[] {
  const found: string[] = [];
  for (;;) {
    const hidden = window.skipHidden();
    if (hidden !== undefined) found.push(`${hidden} hidden`);
    const batch = window.advance();
    if (batch === undefined) return found;
    found.push(`${batch.position} billed ${batch.events.length} filtered ${batch.filtered}`);
  }
}

describe('What may not be read of a log', () => {
  it('is passed by the cursor, apart from what is billed and in no count', () => {
    const { window, places } = windowOf('hheehfehh');
    assert.deepEqual(steps(window), ['p2 hidden']);
    for (const place of places) place.state = 'delivered';
    assert.deepEqual(steps(window), ['p4 billed 2 filtered 0', 'p5 hidden', 'p7 billed 1 filtered 1', 'p9 hidden']);
    assert.equal(window.cursor, window.position);
  });

  it('holds up nobody, and is held up by what is not settled', () => {
    const { window, places } = windowOf('ehe');
    places[1]!.state = 'delivered';
    assert.deepEqual(steps(window), []);
    assert.deepEqual(window.settledAhead(), [at(3)]);
    places[0]!.state = 'delivered';
    assert.deepEqual(steps(window), ['p1 billed 1 filtered 0', 'p2 hidden', 'p3 billed 1 filtered 0']);
  });

  it('takes no room, however much there is of it', () => {
    const { window } = windowOf(`e${'h'.repeat(1000)}`);
    assert.equal(window.isFull, false);
  });

  it('may become so when it was read already, and gives its room back', () => {
    const { window, places } = windowOf(`fe${'e'.repeat(255)}`);
    assert.equal(window.isFull, true);
    places[0]!.state = 'hidden';
    for (const place of places.slice(2)) place.state = 'delivered';
    assert.deepEqual(steps(window), ['p2 hidden']);
    assert.equal(window.isFull, false);
    assert.equal(places[0]!.isPassed, true);
    places[1]!.state = 'delivered';
    assert.deepEqual(steps(window), ['p257 billed 255 filtered 1']);
  });
});
