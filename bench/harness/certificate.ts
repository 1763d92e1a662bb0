import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { requireProgram } from './installation.ts';

/** Files in PEM: a certificate that is its own authority, and its key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Makes a certificate for these addresses that is good for two days. */
export function makeCertificate(folder: string, addresses: readonly string[]): CertificateFiles {
  const openssl = requireProgram('openssl', 'openssl');
  const files = { cert: join(folder, 'receivers.pem'), key: join(folder, 'receivers-key.pem') };
  const names = addresses.map((address) => `IP:${address}`).join(',');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const request = ['req', '-x509', ...curve, '-days', '2', '-subj', '/CN=receivers', '-addext', `subjectAltName=${names}`];
  execFileSync(openssl, [...request, '-keyout', files.key, '-out', files.cert], { stdio: ['ignore', 'ignore', 'pipe'] });
  return files;
}
