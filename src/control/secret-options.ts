import { isRecord } from './config/shape.ts';

type Options = Readonly<Record<string, unknown>>;

const secretKey = /pass(word|phrase)?|secret|token|credential|(private|api|access|account|shared)_?key|^key$/i;

/** A backbone's options as they may be shown: each secret as the `${env:…}` a configuration would name it by. */
export function withoutSecrets(backbone: string, options: Options): Options {
  return mapTexts(options, [backbone], (text, way) => (isSecret(text, way.slice(1)) ? referenceTo(way) : text)) as Options;
}

/** Options that came back without their secrets get them from the stored ones. */
export function withSecrets(backbone: string, options: Options, stored: Options): Options {
  return mapTexts(options, [backbone], (text, way) => {
    const kept = text === referenceTo(way) ? memberAt(stored, way.slice(1)) : undefined;
    return typeof kept === 'string' ? kept : text;
  }) as Options;
}

/** References that stand for nothing here: the environment of whoever wrote them was not asked. */
export function unresolvedIn(options: Options): readonly string[] {
  const found: string[] = [];
  mapTexts(options, [], (text) => {
    if (/^\$\{(env|file):[^}]+\}$/.test(text)) found.push(text);
    return text;
  });
  return found;
}

/** By the keys that lead to it, or by its form: a URL with a user, a private key. */
function isSecret(text: string, way: readonly string[]): boolean {
  return way.some((key) => secretKey.test(key)) || /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(text) || text.includes('PRIVATE KEY-----');
}

/** The `${env:…}` that stands for the secret to which these keys lead. */
export function referenceTo(way: readonly string[]): string {
  return `\${env:SLUICE_${way
    .join('_')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()}}`;
}

function mapTexts(value: unknown, way: readonly string[], map: (text: string, way: readonly string[]) => unknown): unknown {
  if (typeof value === 'string') return map(value, way);
  if (Array.isArray(value)) return value.map((member, index) => mapTexts(member, [...way, String(index)], map));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, mapTexts(member, [...way, key], map)]));
}

function memberAt(value: unknown, way: readonly string[]): unknown {
  return way.reduce<unknown>(
    (at, key) => (at !== null && typeof at === 'object' && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined),
    value,
  );
}
