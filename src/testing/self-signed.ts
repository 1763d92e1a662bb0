import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

interface Wish {
  /** DNS names and IPv4 addresses it is for; the first is its subject too. */
  readonly names: readonly string[];
  readonly from?: Date;
  readonly until?: Date;
}

const day = 86_400_000;

/** A certificate that vouches for itself, and its private key, both PEM: an X.509 v3 certificate with P-256 (RFC 5280, RFC 5480). */
export function selfSigned({ names, from = new Date(Date.now() - day), until = new Date(Date.now() + 30 * day) }: Wish): {
  readonly cert: string;
  readonly key: string;
} {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const commonName = oid(0x55, 0x04, 0x03);
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(names[0] ?? '')))));
  const alternativeNames = oid(0x55, 0x1d, 0x11);
  const extension = sequence(alternativeNames, der(0x04, sequence(...names.map(generalName))));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ecdsaWithSha256,
    name,
    sequence(time(from), time(until)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.of(0), sign('sha256', body, privateKey)]));
  const lines = sequence(body, ecdsaWithSha256, signature).toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** One value of the distinguished encoding rules (X.690, section 8.1). */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(...bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

/** GeneralizedTime, which X.509 wants for years from 2050 on only, but every client reads. */
function time(date: Date): Buffer {
  return der(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')));
}

function generalName(name: string): Buffer {
  const address = /^\d+\.\d+\.\d+\.\d+$/.test(name) ? Buffer.from(name.split('.').map(Number)) : undefined;
  return address === undefined ? der(0x82, Buffer.from(name)) : der(0x87, address);
}
