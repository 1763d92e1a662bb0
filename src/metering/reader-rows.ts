import type { Statement } from '../store/database.ts';
import { bulk } from './bulk.ts';
import type { Lineage } from './lineage.ts';

/** Writes where readers are: whole rows for new ones, only what moved for the rest. */
export function readerStatements(lineages: readonly Lineage[]): readonly Statement[] {
  const added = lineages.filter((lineage) => !lineage.isWritten);
  const moved = lineages.filter((lineage) => lineage.isWritten);
  return [
    ...bulk(
      `INSERT INTO reader (id, tenant, name, subscription, application, api, log, address, filter, start, created_at,
         protocol, plan, cursor, charged, serial, delivered_at, closed_at, tally, stretch, lent_from)`,
      `ON CONFLICT (id) DO UPDATE SET protocol = excluded.protocol, plan = excluded.plan, cursor = excluded.cursor,
         charged = excluded.charged, serial = excluded.serial, delivered_at = excluded.delivered_at, closed_at = excluded.closed_at,
         tally = excluded.tally, stretch = excluded.stretch, lent_from = excluded.lent_from`,
      21,
      added.map((lineage) => lineage.identityRow()),
    ),
    ...bulk(
      `UPDATE reader SET protocol = moved.column2, plan = moved.column3, cursor = moved.column4, charged = moved.column5,
         serial = moved.column6, delivered_at = moved.column7, closed_at = moved.column8, tally = moved.column9, stretch = moved.column10,
         lent_from = moved.column11 FROM (`,
      ') AS moved WHERE reader.id = moved.column1',
      11,
      moved.map((lineage) => lineage.movingRow()),
    ),
  ];
}

/** Writes the ranges as they are now. */
export function rangeStatements(lineages: readonly Lineage[], minute: number): readonly Statement[] {
  const rows = lineages.flatMap((lineage) => lineage.rangeRows(minute));
  return bulk(
    `INSERT INTO usage_range (reader, serial, tenant, minute, lo, hi, n_billable, n_redelivered, n_filtered, n_dropped, n_conflated,
       skips, bytes, by_type, t_first, t_last, n_deferred, n_late)`,
    `ON CONFLICT (reader, serial) DO UPDATE SET hi = excluded.hi, n_billable = excluded.n_billable, n_redelivered = excluded.n_redelivered,
       n_filtered = excluded.n_filtered, n_dropped = excluded.n_dropped, n_conflated = excluded.n_conflated,
       skips = excluded.skips, bytes = excluded.bytes,
       by_type = excluded.by_type, t_last = excluded.t_last, n_deferred = excluded.n_deferred, n_late = excluded.n_late`,
    18,
    rows,
  );
}
