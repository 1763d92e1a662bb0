import type { Clock } from '../../core/clock.ts';
import { StoreError } from '../database.ts';
import type { Database, SqlValue, Statement } from '../database.ts';
import type { ApiSpec, AuditEntry, Resource, ResourceChange, ResourceKind, ResourceStore } from '../resources.ts';
import { ResourceIndex } from './resource-index.ts';
import { withoutSecrets } from './without-secrets.ts';

const insertResource = `INSERT INTO resource (tenant, kind, id, name, parent, version, created_at, updated_at, spec)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
const updateResource = `UPDATE resource SET tenant = ?, kind = ?, id = ?, name = ?, parent = ?, version = ?, created_at = ?, updated_at = ?, spec = ?
  WHERE kind = ?2 AND id = ?3 AND version = ?`;
const deleteResource = 'DELETE FROM resource WHERE kind = ? AND id = ? AND version = ?';
const insertRevision = 'INSERT INTO api_revision (tenant, id, revision, at, actor, spec) VALUES (?, ?, ?, ?, ?, ?)';
const insertAudit = 'INSERT INTO audit (at, tenant, actor, action, kind, name, parent, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** Most audit entries given at once. */
const MAX_AUDIT = 1000;

type Change = ResourceChange & { readonly action: string };

/**
 * Loads all resources; the database must have been opened with `storeMigrations`. Rejects with CORRUPT, which names it, where one cannot be
 * read: left out, it would take rights and limits with it, and what waits for an endpoint.
 */
export async function openResourceStore(database: Database, clock: Clock): Promise<ResourceStore> {
  const index = new ResourceIndex();
  for (const row of await database.query('SELECT * FROM resource')) index.apply({ op: 'put', resource: toResource(row), expect: 0 });
  return new SqliteResourceStore(database, clock, index);
}

class SqliteResourceStore implements ResourceStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #index: ResourceIndex;
  readonly #listeners = new Set<(changes: readonly ResourceChange[]) => void>();

  constructor(database: Database, clock: Clock, index: ResourceIndex) {
    this.#database = database;
    this.#clock = clock;
    this.#index = index;
  }

  list<K extends ResourceKind>(kind: K, tenant?: string): readonly Resource<K>[] {
    return this.#index.list(kind, tenant) as readonly Resource<K>[];
  }

  children<K extends ResourceKind>(kind: K, parent: string, tenant = 'default'): readonly Resource<K>[] {
    return this.#index.children(kind, tenant, parent) as readonly Resource<K>[];
  }

  get<K extends ResourceKind>(kind: K, name: string, parent = '', tenant = 'default'): Resource<K> | undefined {
    return this.#index.byName(tenant, kind, parent, name) as Resource<K> | undefined;
  }

  byId<K extends ResourceKind>(kind: K, id: string): Resource<K> | undefined {
    return this.#index.byId(kind, id) as Resource<K> | undefined;
  }

  /** Version and times are the store's: `expect` + 1, and its clock. */
  async write(changes: readonly Change[], actor: string): Promise<void> {
    if (changes.length === 0) return;
    const now = this.#clock.now();
    const current = new Map<string, Resource | undefined>();
    const statements: Statement[] = [];
    const applied: ResourceChange[] = [];
    for (const change of changes) {
      const key = `${change.resource.kind} ${change.resource.id}`;
      const before = current.has(key) ? current.get(key) : this.#index.byId(change.resource.kind, change.resource.id);
      if ((before?.version ?? 0) !== change.expect) throw changed(change, before?.version ?? 0);
      const after = change.op === 'put' ? stamped(change, before, now) : undefined;
      statements.push(...statementsFor(change, after, actor), auditOf({ change, before, after, actor, now }));
      current.set(key, after);
      applied.push({ op: change.op, resource: after ?? before ?? change.resource, expect: change.expect });
    }
    await this.#database.transact(statements);
    for (const change of applied) this.#index.apply(change);
    for (const listener of this.#listeners) listener(applied);
  }

  async note(resource: Resource, action: string, actor: string): Promise<void> {
    const change: Change = { op: 'put', resource, expect: resource.version, action };
    await this.#database.transact([auditOf({ change, before: resource, after: resource, actor, now: this.#clock.now() })]);
  }

  watch(listener: (changes: readonly ResourceChange[]) => void): () => void {
    // An object of its own, so that the same function may watch twice.
    const own = (changes: readonly ResourceChange[]): void => listener(changes);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  async audit(query: Parameters<ResourceStore['audit']>[0]): Promise<readonly AuditEntry[]> {
    const conditions = ['tenant = ?'];
    const parameters: SqlValue[] = [query.tenant];
    const also = (condition: string, value: SqlValue | undefined): void => {
      if (value === undefined) return;
      conditions.push(condition);
      parameters.push(value);
    };
    also('seq < ?', query.before);
    also('kind = ?', query.kind);
    also('name = ?', query.name);
    parameters.push(Math.min(MAX_AUDIT, Math.max(1, query.limit)));
    const rows = await this.#database.query(`SELECT * FROM audit WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?`, parameters);
    return rows.map(toAudit);
  }

  async revisions(api: string, tenant = 'default'): ReturnType<ResourceStore['revisions']> {
    const resource = this.get('api', api, '', tenant);
    if (resource === undefined) return [];
    const rows = await this.#database.query('SELECT revision, at, actor, spec FROM api_revision WHERE id = ? ORDER BY revision DESC', [
      resource.id,
    ]);
    return rows.map((row) => ({
      revision: Number(row['revision']),
      at: Number(row['at']),
      actor: String(row['actor']),
      spec: JSON.parse(String(row['spec'])) as ApiSpec,
    }));
  }
}

/** The resource as it will be read back after a restart, which nobody can change. */
function stamped({ resource, expect }: Change, before: Resource | undefined, now: number): Resource {
  const { tenant, kind, id, name, parent } = resource;
  const spec = JSON.parse(JSON.stringify(resource.spec)) as Resource['spec'];
  return freeze({ tenant, kind, id, name, parent, version: expect + 1, createdAt: before?.createdAt ?? now, updatedAt: now, spec });
}

function statementsFor(change: Change, after: Resource | undefined, actor: string): Statement[] {
  const { kind, id } = change.resource;
  if (after === undefined) return [{ sql: deleteResource, parameters: [kind, id, change.expect], expectChanges: 1 }];
  const spec = JSON.stringify(after.spec);
  const columns = [after.tenant, kind, id, after.name, after.parent, after.version, after.createdAt, after.updatedAt, spec];
  const statements: Statement[] =
    change.expect === 0
      ? [{ sql: insertResource, parameters: columns, expectChanges: 1 }]
      : [{ sql: updateResource, parameters: [...columns, change.expect], expectChanges: 1 }];
  if (kind === 'api') statements.push({ sql: insertRevision, parameters: [after.tenant, id, after.version, after.updatedAt, actor, spec] });
  return statements;
}

interface AuditParts {
  readonly change: Change;
  readonly before: Resource | undefined;
  readonly after: Resource | undefined;
  readonly actor: string;
  readonly now: number;
}

function auditOf({ change, before, after, actor, now }: AuditParts): Statement {
  const { tenant, kind, name, parent } = change.resource;
  const shown = (resource: Resource | undefined): string | null =>
    resource === undefined ? null : JSON.stringify(withoutSecrets(resource));
  return { sql: insertAudit, parameters: [now, tenant, actor, change.action, kind, name, parent, shown(before), shown(after)] };
}

function changed({ resource, expect }: Change, version: number): StoreError {
  const found = version === 0 ? 'it does not exist' : `it is at version ${version}`;
  const wanted = expect === 0 ? 'it was to be made' : `version ${expect} was to be changed`;
  return new StoreError(
    'CHANGED',
    `The ${resource.kind} "${resource.name}" was changed meanwhile: ${wanted}, but ${found}. Read it again and repeat the change.`,
  );
}

function toResource(row: Record<string, SqlValue>): Resource {
  return freeze({
    tenant: String(row['tenant']),
    kind: String(row['kind']) as ResourceKind,
    id: String(row['id']),
    name: String(row['name']),
    parent: String(row['parent']),
    version: Number(row['version']),
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
    spec: specOf(row),
  });
}

function specOf({ kind, name, parent, id, spec }: Record<string, SqlValue>): Resource['spec'] {
  try {
    const value: unknown = JSON.parse(String(spec));
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // As for what is no object.
  }
  const of = parent === '' ? '' : ` of "${String(parent)}"`;
  throw new StoreError(
    'CORRUPT',
    `What is stored of the ${String(kind)} "${String(name)}"${of} (${String(id)}) cannot be read. Restore the data folder from a backup, or mend this row of the table resource.`,
  );
}

function toAudit(row: Record<string, SqlValue>): AuditEntry {
  const document = (value: SqlValue | undefined): unknown => (typeof value === 'string' ? JSON.parse(value) : null);
  return {
    seq: Number(row['seq']),
    at: Number(row['at']),
    tenant: String(row['tenant']),
    actor: String(row['actor']),
    action: String(row['action']),
    kind: String(row['kind']) as ResourceKind,
    name: String(row['name']),
    parent: String(row['parent']),
    before: document(row['before']),
    after: document(row['after']),
  };
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}
