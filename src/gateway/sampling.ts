import { GatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';

const decimal = /^(?:0?\.\d{1,6}|[01](?:\.0{1,6})?)$/;
const fraction = /^(\d{1,7})\/(\d{1,7})$/;
/** One event in a million: less is no sample of anything. */
const minShare = 1e-6;

/** The share of events a client asks for, as `0.1` or `1/10`: more than 0, at most 1. Throws BAD_REQUEST. */
export function readShare(text: string): number {
  const [, part, whole] = fraction.exec(text) ?? [];
  const share = part !== undefined ? Number(part) / Number(whole) : decimal.test(text) ? Number(text) : 0;
  if (share >= minShare && share <= 1) return share;
  throw new GatewayError('BAD_REQUEST', `sample takes the share of events to get, from ${minShare} to 1, as 0.1 or 1/10.`);
}

/**
 * Lets through a share of the events. Which ones is decided by source and id alone: the same for every reader, after resuming and on
 * every node, and a smaller share is part of a larger one.
 */
export function sampler(share: number): (event: Event) => boolean {
  const threshold = share * 2 ** 32;
  return ({ source, id }) => hashOf(source, id) < threshold;
}

/** 32 bits: FNV-1a over both texts with a mark between them, then the finish of MurmurHash3, since ids often differ in their last digit only. */
function hashOf(source: string, id: string): number {
  let hash = fold(0x811c9dc5, source);
  hash = fold(Math.imul(hash ^ 0xffff, 0x01000193), id);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function fold(hash: number, text: string): number {
  let folded = hash;
  for (let at = 0; at < text.length; at += 1) folded = Math.imul(folded ^ text.charCodeAt(at), 0x01000193);
  return folded;
}
