import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureVersion } from 'node:tls';

/** TLS 1.0 and 1.1 are not spoken any more (RFC 8996). */
export const oldestTls: SecureVersion = 'TLSv1.2';

/** A certificate with those that lead to its issuer, and its private key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Reads and checks both files; rejects with an Error whose sentence names the file and what to do. */
export async function readKeyPair(certFile: string, keyFile: string): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readPem(certFile, 'certificate'), readPem(keyFile, 'private key')]);
  const leaf = certificateOf(cert, certFile);
  try {
    // An empty text would be taken for no key.
    createPrivateKey(key);
    createSecureContext({ cert, key, minVersion: oldestTls });
  } catch (error) {
    throw new Error(complaint(error as NodeJS.ErrnoException, certFile, keyFile), { cause: error });
  }
  if (leaf.validToDate.getTime() <= Date.now()) throw new Error(`The certificate in ${certFile} has expired on ${leaf.validTo}.`);
  return { cert, key };
}

async function readPem(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : message;
    throw new Error(`The ${what} ${file} cannot be used: ${reason}.`, { cause: error });
  }
}

function certificateOf(cert: string, certFile: string): X509Certificate {
  try {
    return new X509Certificate(cert);
  } catch (error) {
    throw new Error(`${certFile} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).`, { cause: error });
  }
}

function complaint({ code, message }: NodeJS.ErrnoException, certFile: string, keyFile: string): string {
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH')
    return `The private key in ${keyFile} does not belong to the certificate in ${certFile}.`;
  if (/bad decrypt|password|passphrase|interrupted or cancelled/i.test(`${code} ${message}`))
    return `The private key in ${keyFile} is protected by a passphrase; store it without one, readable only by the user Sluice runs as.`;
  if (/PEM|DECODER|ASN1|unsupported/i.test(`${code} ${message}`))
    return `${keyFile} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----).`;
  return `The certificate in ${certFile} and the private key in ${keyFile} cannot be used: ${message}.`;
}
