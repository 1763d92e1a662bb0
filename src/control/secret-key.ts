import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Sealer, sealingKeyBytes } from '../store/sealed.ts';
import { writeOnce } from './write-once.ts';

/**
 * Seals with SLUICE_SECRET_KEY, else with the key of this data folder, made at first start and readable by its owner alone.
 * Rejects with a sentence when either is not 32 bytes in hex or base64.
 */
export async function loadSealer(folder: string, env: Readonly<Record<string, string | undefined>>): Promise<Sealer> {
  const given = env['SLUICE_SECRET_KEY'];
  if (given !== undefined && given !== '') return new Sealer(keyIn(given, 'SLUICE_SECRET_KEY'));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'secret-key');
  return new Sealer((await newKey(path)) ?? (await keptKey(path)));
}

/** Writes a new key unless the file is there already. */
async function newKey(path: string): Promise<Buffer | undefined> {
  const key = randomBytes(sealingKeyBytes);
  return (await writeOnce(path, `${key.toString('base64')}\n`)) ? key : undefined;
}

async function keptKey(path: string): Promise<Buffer> {
  await chmod(path, 0o600);
  return keyIn(await readFile(path, 'utf8'), path);
}

function keyIn(text: string, where: string): Buffer {
  const written = text.trim();
  if (/^[0-9a-f]{64}$/i.test(written)) return Buffer.from(written, 'hex');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(written)) return Buffer.from(written, 'base64');
  // Another key would make every stored secret unreadable, so a file that is damaged is not replaced.
  throw new Error(
    `${where} does not hold a secret key: it needs ${sealingKeyBytes} bytes in hex (64 digits) or base64 (44 characters), such as openssl rand -base64 32 prints.`,
  );
}
