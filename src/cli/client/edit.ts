import { CliError } from '../exit-code.ts';
import { isObject } from './json.ts';
import type { ManagementClient, View } from './management.ts';

/** How often a change is worked out again that somebody else was quicker than. */
const mostTries = 5;

interface Edited {
  readonly after: View;
  /** False: it was so already. */
  readonly isChanged: boolean;
}

/** Reads a resource, changes it and puts it back; `change` is asked anew when somebody else wrote in between. */
export async function editOne(client: ManagementClient, path: readonly string[], change: (current: View) => View): Promise<Edited> {
  for (let tries = 1; ; tries += 1) {
    const before = await client.get(path);
    try {
      const after = await client.call('PUT', path, { body: change(before), ifMatch: `"${String(before['version'])}"` });
      return { after, isChanged: after['version'] !== before['version'] };
    } catch (error) {
      const isLate = error instanceof CliError && isObject(error.details) && error.details['code'] === 'PRECONDITION_FAILED';
      if (!isLate || tries === mostTries) throw error;
    }
  }
}

/** The members of an object with some of them changed: one that is undefined stays as it is. */
export function withMembers(current: unknown, named: View): View {
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  return { ...(isObject(current) ? current : {}), ...Object.fromEntries(given) };
}

/** An object less the members of these names. */
export function withoutMembers(current: View, names: readonly string[]): View {
  return Object.fromEntries(Object.entries(current).filter(([name]) => !names.includes(name)));
}
