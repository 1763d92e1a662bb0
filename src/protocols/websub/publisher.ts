import { writeForm } from './form.ts';

/** The form that tells a hub of new content (WebSub, section 6): each topic under both names that hubs go by. */
export function publishBody(topics: readonly string[]): string {
  return writeForm([
    ['hub.mode', 'publish'],
    ...topics.flatMap((topic): [string, string][] => [
      ['hub.url', topic],
      ['hub.topic', topic],
    ]),
  ]);
}
