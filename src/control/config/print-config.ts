import { stringify } from 'yaml';
import { isRecord } from './shape.ts';

/** A configuration, as the management API exports it, in the form of sluice.yaml: reading it gives the same configuration back. */
export function printConfig(config: Readonly<Record<string, unknown>>): string {
  return stringify(escaped(config, []), { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Plain `${` are written so that they are not taken for references; those that stand for secrets stay, and contracts are not touched. */
function escaped(value: unknown, way: readonly string[]): unknown {
  if (typeof value === 'string')
    return holdsSecrets(way) && /^\$\{env:[A-Z0-9_]+\}$/.test(value) ? value : value.replaceAll('${', () => '$${');
  if (Array.isArray(value)) return value.map((member, index) => escaped(member, [...way, String(index)]));
  if (!isRecord(value)) return value;
  const isContract = way.length === 3 && way[0] === 'apis' && way[2] === 'contract';
  return isContract ? value : Object.fromEntries(Object.entries(value).map(([key, member]) => [key, escaped(member, [...way, key])]));
}

/** Options of a backbone; secrets, headers and authentication of `applications.NAME.subscriptions.N.endpoints.NAME`, secrets of `….sources.NAME`. */
function holdsSecrets(way: readonly string[]): boolean {
  if (way[0] === 'backbones') return true;
  if (way[0] !== 'applications') return false;
  return way[4] === 'sources'
    ? way[6] === 'secrets'
    : way[4] === 'endpoints' && ['secrets', 'headers', 'authentication'].includes(way[6] ?? '');
}
