import { resolve } from 'node:path';
import { readKeyPair, type KeyPair } from '../listeners/key-pair.ts';
import type { Log } from '../observe/log.ts';
import { watchFolderOf } from './config-watch.ts';
import { CliError } from './exit-code.ts';

/** Where the gateway's certificate and its private key are. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** The files of `--tls-cert` and `--tls-key`; undefined without either. */
export function certificateFiles(cert: string | undefined, key: string | undefined, cwd: string): CertificateFiles | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    const [given, missing] = cert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
    throw new CliError('usage', `${given} needs ${missing} besides: https takes a certificate and its private key.`);
  }
  return { cert: resolve(cwd, cert), key: resolve(cwd, key) };
}

/** Both files, read and checked; rejects with a sentence for whoever starts it. */
export async function readCertificate({ cert, key }: CertificateFiles): Promise<KeyPair> {
  try {
    return await readKeyPair(cert, key);
  } catch (error) {
    throw new CliError('invalid', (error as Error).message, { cause: error });
  }
}

/** Hands over the pair whenever the files have changed, and leaves the old one where they do not fit together; returns how to stop. */
export function followCertificate(files: CertificateFiles, first: KeyPair, use: { renew(pair: KeyPair): void; log: Log }): () => void {
  let current = first;
  const follow = async (): Promise<void> => {
    try {
      const pair = await readKeyPair(files.cert, files.key);
      if (pair.cert === current.cert && pair.key === current.key) return;
      use.renew(pair);
      current = pair;
      use.log.info({ certificate: files.cert }, 'new connections are shown the new certificate');
    } catch (error) {
      use.log.error({ reason: (error as Error).message }, 'the changed certificate is not used');
    }
  };
  const stops = [files.cert, files.key].map((file) => watchFolderOf(file, () => void follow()));
  return () => {
    for (const stop of stops) stop();
  };
}
