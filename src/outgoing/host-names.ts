/** Names under which clouds hand out a machine's credentials. They stay refused whatever the operator opens. */
const metadataNames = [
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.azure.com',
  'metadata.tencentyun.com',
  'metadata.oraclecloud.com',
  'metadata.digitalocean.com',
  'metadata.packet.net',
  'metadata.platformequinix.com',
  'api.metadata.cloud.ibm.com',
  'instance-data.ec2.internal',
  'instance-data',
  'metadata',
];

/**
 * Ends of names that nobody on the public internet can own: RFC 6762 (local, and those of its appendix G), RFC 8375 (home.arpa),
 * ICANN's internal, RFC 7686 (onion), RFC 6761 (invalid), and what Kubernetes and hosts files use.
 */
const innerEnds = [
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'home.arpa',
  'localdomain',
  'onion',
  'invalid',
  'svc',
  'ip6-localhost',
  'ip6-loopback',
];

export type NameRefusal = 'metadata' | 'inner';

/** Why a host name (lower case, no dot at the end) must not be called, whatever it resolves to. `opened`: names the operator opened, with all below them. */
export function nameRefusal(name: string, opened: readonly string[]): NameRefusal | undefined {
  if (isUnder(name, metadataNames)) return 'metadata';
  return isUnder(name, innerEnds) && !isUnder(name, opened) ? 'inner' : undefined;
}

/** `localhost` and all names below it are the loopback addresses and never asked of a name server (RFC 6761, section 6.3). */
export function isLocalhost(name: string): boolean {
  return isUnder(name, ['localhost']);
}

function isUnder(name: string, ends: readonly string[]): boolean {
  return ends.some((end) => name === end || name.endsWith(`.${end}`));
}
