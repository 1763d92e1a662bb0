import { randomInt } from 'node:crypto';
import type { ResourceKind } from '../store/resources.ts';

const prefixes: Readonly<Record<ResourceKind, string>> = {
  backbone: 'bb',
  api: 'api',
  plan: 'plan',
  application: 'app',
  credential: 'key',
  subscription: 'sub',
  endpoint: 'ep',
  source: 'src',
};

const digits = '0123456789abcdefghijklmnopqrstuvwxyz';

/** A new id: the kind's prefix and 12 random base36 characters, 62 bits. */
export function newId(kind: ResourceKind): string {
  let text = '';
  while (text.length < 12) text += digits[randomInt(36)];
  return `${prefixes[kind]}_${text}`;
}
