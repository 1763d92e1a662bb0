import type { EventDraft } from '../../core/event.ts';

/** What makes an event the same as another: address, source and id, told apart by the lengths of the first two. */
export function eventKey(address: string, draft: EventDraft): string {
  return `${address.length} ${draft.source.length} ${address}${draft.source}${draft.id}`;
}

/** A 64-bit hash of a key as two halves. Stable over versions, since it is stored; seeded by log, so that it cannot be prepared for. */
export interface KeyHash {
  readonly high: number;
  readonly low: number;
}

export function hashKey(key: string, seed: number): KeyHash {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  for (let index = 0; index < key.length; index++) {
    const unit = key.charCodeAt(index);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return { high: b >>> 0, low: a >>> 0 };
}
