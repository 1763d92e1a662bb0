import type { Database } from '../store/database.ts';
import type { Resource } from '../store/resources.ts';

interface Sweep {
  readonly database: Pick<Database, 'query'>;
  /** Gives up the name of a reader that is not connected; its usage stays. */
  readonly forgetReader: (reader: string) => Promise<void>;
}

/** Readers forgotten at once: delivering goes first. */
const mostAtOnce = 200;

/** Names that Sluice itself gives endpoints, one for each thing subscribed to: by WebSub and by REST Hooks. */
const ofSubscriber = /^(websub-[0-9a-f-]{36}|hook-[0-9a-f]{24})$/;

/**
 * Forgets the readers of endpoints that came with a subscriber and went with it: nobody else goes on under their names, and who
 * subscribes again gets what comes from then on. True: there are more.
 */
export async function forgetOrphanReaders({ database, forgetReader }: Sweep, endpoints: Iterable<Resource<'endpoint'>>): Promise<boolean> {
  const rows = await database.query(
    `SELECT id, subscription, name, created_at FROM reader
     WHERE name IS NOT NULL AND closed_at IS NOT NULL AND (protocol = 'websub' OR protocol = 'webhook' AND name GLOB 'hook-*')`,
  );
  if (rows.length === 0) return false;
  const since = new Map([...endpoints].map(({ name, spec, createdAt }) => [keyOf(spec.subscription, name), createdAt]));
  // One that is older than the endpoint of its name was another's.
  const orphans = rows.filter(({ subscription, name, created_at: begun }) => {
    const endpointSince = since.get(keyOf(String(subscription), String(name))) ?? Infinity;
    return ofSubscriber.test(String(name)) && endpointSince > Number(begun);
  });
  // Together, so that they share commits.
  await Promise.all(orphans.slice(0, mostAtOnce).map(({ id }) => forgetReader(String(id))));
  return orphans.length > mostAtOnce;
}

function keyOf(subscription: string, name: string): string {
  return `${subscription} ${name}`;
}
