import { GatewayError } from '../../core/errors.ts';
import type { Position } from '../../core/position.ts';

const FORM = /^([0-9a-z]{6})-(0|[1-9][0-9]{0,15})$/;

/** An embedded position taken apart: the log's epoch and the sequence number of the last event before the place; 0 is the beginning. */
export interface Place {
  readonly epoch: string;
  readonly seq: number;
}

export function positionAt(epoch: string, seq: number): Position {
  return `${epoch}-${seq}` as Position;
}

/** Throws BAD_REQUEST when the text is no position of an embedded log. */
export function parsePosition(text: string): Place {
  const found = FORM.exec(text);
  const seq = Number(found?.[2]);
  if (found === null || !Number.isSafeInteger(seq)) {
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    throw new GatewayError('BAD_REQUEST', `"${shown}" is not a position of this channel. Use one that came with an event, or "earliest".`);
  }
  return { epoch: found[1]!, seq };
}

/** Six lowercase base 36 characters that tell one life of a log from another. */
export function newEpoch(random: () => number): string {
  let epoch = '';
  for (let index = 0; index < 6; index++) epoch += Math.floor(random() * 36).toString(36);
  return epoch;
}
