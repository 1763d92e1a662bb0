import assert from 'node:assert/strict';
import type { Backbone, Channel, ReadResult } from '../core/backbone.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Event, EventDraft } from '../core/event.ts';
import type { Position } from '../core/position.ts';

/** A draft whose id and data are the text. */
export function draft(id: string, more: Partial<EventDraft> = {}): EventDraft {
  return { id, source: '/conformance', type: 'com.example.test', extensions: {}, data: Buffer.from(id), dataKind: 'text', ...more };
}

/** Whether an error is a GatewayError of this code with a sentence. */
export function refusal(code: string): (error: GatewayError) => boolean {
  return (error) => error.name === 'GatewayError' && error.code === code && error.message.length > 20;
}

/** The ids of events, in their order. */
export function ids(events: readonly Event[]): string[] {
  return events.map((event) => event.id);
}

/** Drafts whose ids are the prefix and a number from 0. */
export function numbered(count: number, prefix = 'e'): EventDraft[] {
  return Array.from({ length: count }, (_, index) => draft(`${prefix}${index}`));
}

/** Everything on a channel after a position, page by page, checking that pages go on where the last one ended. */
export async function readAll(backbone: Backbone, channel: Channel, from?: Position, limit = 1000): Promise<Event[]> {
  const events: Event[] = [];
  let position = from ?? (await backbone.locate(channel, { at: 'earliest' }));
  const head = await backbone.locate(channel, { at: 'latest' });
  while (backbone.compare(position, head) < 0) {
    const page: ReadResult = await backbone.read({ channel, after: position, until: head, limit });
    assert.ok(backbone.compare(page.position, position) > 0, 'a page that is not the last moves on');
    events.push(...page.events);
    position = page.position;
  }
  return events;
}
