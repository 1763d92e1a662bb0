import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { selfSigned } from '../testing/self-signed.ts';
import { readKeyPair } from './key-pair.ts';

const pair = selfSigned({ names: ['localhost'] });
const old = selfSigned({ names: ['localhost'], from: new Date('2020-01-01'), until: new Date('2020-02-01') });
const passphrase = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
const files: Readonly<Record<string, string>> = {
  'cert.pem': pair.cert,
  'chain.pem': pair.cert + selfSigned({ names: ['authority'] }).cert,
  'key.pem': pair.key,
  'other.pem': selfSigned({ names: ['other'] }).key,
  'old.pem': old.cert,
  'old-key.pem': old.key,
  'locked.pem': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(passphrase).toString(),
  'text.pem': 'not PEM at all',
  'empty.pem': '',
};

describe('a certificate and its key', () => {
  let folder: string;
  const read = (cert: string, key: string) => readKeyPair(join(folder, cert), join(folder, key));

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  test('are read as they are', async () => {
    assert.deepEqual(await read('cert.pem', 'key.pem'), pair);
    assert.equal((await read('chain.pem', 'key.pem')).cert, files['chain.pem']);
  });

  const broken: readonly [string, string, RegExp][] = [
    ['missing.pem', 'key.pem', /^The certificate .*missing\.pem cannot be used: there is no such file\.$/],
    ['cert.pem', 'missing.pem', /^The private key .*missing\.pem cannot be used: there is no such file\.$/],
    ['text.pem', 'key.pem', /text\.pem holds no certificate in PEM form/],
    ['empty.pem', 'key.pem', /empty\.pem holds no certificate in PEM form/],
    ['key.pem', 'cert.pem', /key\.pem holds no certificate in PEM form/],
    ['cert.pem', 'text.pem', /text\.pem holds no private key in PEM form/],
    ['cert.pem', 'empty.pem', /empty\.pem holds no private key in PEM form/],
    ['cert.pem', 'cert.pem', /cert\.pem holds no private key in PEM form/],
    ['cert.pem', 'other.pem', /other\.pem does not belong to the certificate in .*cert\.pem/],
    ['cert.pem', 'locked.pem', /locked\.pem is protected by a passphrase/],
    ['old.pem', 'old-key.pem', /old\.pem has expired on Feb  1 00:00:00 2020 GMT/],
  ];
  for (const [cert, key, sentence] of broken) {
    test(`are refused as ${cert} with ${key}`, () => assert.rejects(read(cert, key), { message: sentence }));
  }
});
