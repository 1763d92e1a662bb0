import { addressBytes, isInRange, parseRange, type AddressRange } from './address-range.ts';

/** Why an address must not be called. `metadata`: it hands out a cloud machine's credentials; `translated`: it carries another address. */
export type AddressRefusal =
  | 'not-an-address'
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'shared'
  | 'link-local'
  | 'metadata'
  | 'translated'
  | 'multicast'
  | 'documentation'
  | 'benchmark'
  | 'reserved';

/** What an operator can do about a receiver in a network of their own; it is said whatever the address, so that it tells nothing about it. */
export const openingHint = 'Other ranges are opened with sluice up --open-outgoing.';

/**
 * Where clouds answer with credentials: AWS, Google, Azure, OpenStack and others (169.254.169.254), tasks and pods on AWS,
 * Azure's platform, Alibaba, Oracle, Tencent, Scaleway, Linode.
 */
const metadata = ranges([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '169.254.0.23',
  '169.254.42.42',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::/32',
  'fd20:ce::254',
  'fd00:42::42',
  'fd00:a9fe:a9fe::1',
  'fe80::a9fe:a9fe',
]);

/** What is not the public internet, by the IANA registries of special-purpose addresses (RFC 6890). The first that fits decides. */
const forbidden: readonly (readonly [AddressRange, AddressRefusal | 'public'])[] = [
  ...kind('unspecified', ['0.0.0.0/8', '::']),
  ...kind('loopback', ['127.0.0.0/8', '::1']),
  ...kind('private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10']),
  ...kind('shared', ['100.64.0.0/10']),
  ...kind('link-local', ['169.254.0.0/16', 'fe80::/10']),
  ...kind('documentation', ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20']),
  ...kind('benchmark', ['198.18.0.0/15', '2001:2::/48']),
  ...kind('translated', ['192.88.99.0/24', '::/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '2001::/32', '2002::/16']),
  ...kind('multicast', ['224.0.0.0/4', 'ff00::/8']),
  ...kind('reserved', ['192.0.0.0/24', '240.0.0.0/4', '100::/64', '5f00::/16', '2001::/23']),
  // Of IPv6 only this block is given out; what is outside of it is refused though nothing is known about it.
  ...kind('public', ['2000::/3']),
  ...kind('reserved', ['::/0']),
];

const mapped: AddressRange = { bytes: addressBytes('::ffff:0:0') as Uint8Array, prefix: 96 };

/** Where an IPv6 address carries an IPv4 one: NAT64, 6to4, Teredo (there with all bits turned over), and two old forms. */
const carriers: readonly { readonly range: AddressRange; readonly at: number; readonly invert?: boolean }[] = [
  { range: range('64:ff9b::/96'), at: 12 },
  { range: range('64:ff9b:1::/48'), at: 12 },
  { range: range('2002::/16'), at: 2 },
  { range: range('2001::/32'), at: 12, invert: true },
  { range: range('::ffff:0:0:0/96'), at: 12 },
  { range: range('::/96'), at: 12 },
];

/** Decides which addresses Sluice may call: the public internet, and what the operator opened. Metadata addresses never. */
export class AddressGuard {
  readonly #opened: readonly AddressRange[];

  /** `opened`: ranges like `10.1.0.0/16` or `fd12::/16`, chosen by the operator; throws an Error with a sentence for any other text. */
  constructor(opened: readonly string[] = []) {
    this.#opened = opened.map((text) => {
      const found = parseRange(text);
      if (found === undefined) throw new Error(`"${text}" is not a range of addresses such as 10.1.0.0/16 or fd12::/16.`);
      if (isInRange(found.bytes, mapped) && found.prefix >= mapped.prefix)
        throw new Error(`"${text}" is a range of IPv4 addresses in the form of IPv6; write it as IPv4.`);
      return found;
    });
  }

  /** Why the address (no brackets) must not be called; undefined when it may. */
  refusal(address: string): AddressRefusal | undefined {
    const bytes = addressBytes(address);
    return bytes === undefined ? 'not-an-address' : this.#judge(bytes);
  }

  #judge(bytes: Uint8Array): AddressRefusal | undefined {
    if (isInRange(bytes, mapped)) return this.#judge(bytes.subarray(12));
    const carried = carriedBy(bytes);
    if (isMetadata(bytes) || (carried !== undefined && isMetadata(carried))) return 'metadata';
    const found = forbidden.find(([place]) => isInRange(bytes, place))?.[1];
    if (found === undefined || found === 'public') return undefined;
    if (!this.#opened.some((place) => isInRange(bytes, place))) return found;
    return carried === undefined ? undefined : this.#judge(carried);
  }
}

function isMetadata(bytes: Uint8Array): boolean {
  return metadata.some((place) => isInRange(bytes, place));
}

/** The IPv4 address within an IPv6 address; `::` and `::1` carry none. */
function carriedBy(bytes: Uint8Array): Uint8Array | undefined {
  const carrier = carriers.find((one) => isInRange(bytes, one.range));
  if (carrier === undefined || bytes.subarray(0, 15).every((byte) => byte === 0)) return undefined;
  const carried = bytes.slice(carrier.at, carrier.at + 4);
  return carrier.invert === true ? carried.map((byte) => byte ^ 0xff) : carried;
}

function kind<Kind extends string>(name: Kind, texts: readonly string[]): readonly (readonly [AddressRange, Kind])[] {
  return ranges(texts).map((place) => [place, name]);
}

function ranges(texts: readonly string[]): readonly AddressRange[] {
  return texts.map(range);
}

function range(text: string): AddressRange {
  return parseRange(text) as AddressRange;
}
