import type { EventDraft } from '../../core/event.ts';
import type { SourceSpec } from '../../store/resources.ts';

/** Events under the names that a source has for them. */
export function named(
  events: readonly EventDraft[],
  { types, eventSource }: Pick<SourceSpec, 'types' | 'eventSource'>,
): readonly EventDraft[] {
  return events.map((event) => ({ ...event, type: typeOf(event.type, types), source: eventSource ?? event.source }));
}

/** An exact name counts more than one for every type below, and of those the longest. */
function typeOf(type: string, types: SourceSpec['types']): string {
  if (Object.hasOwn(types, type)) return types[type] as string;
  let longest = '';
  for (const from of Object.keys(types)) {
    if (from.endsWith('.*') && from.length > longest.length && type.startsWith(from.slice(0, -1))) longest = from;
  }
  const to = types[longest];
  return to === undefined ? type : to.slice(0, -1) + type.slice(longest.length - 1);
}
