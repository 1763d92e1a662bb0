import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeOnce } from './write-once.ts';

/** Shorter tokens can be guessed over the network. */
const minTokenLength = 16;

export interface AdminToken {
  readonly token: string;
  /** Given by the operator, not made here: needed to listen on other than loopback addresses. */
  readonly explicit: boolean;
}

/** SLUICE_ADMIN_TOKEN, else the token of this data folder, made at first start and readable by its owner alone. */
export async function loadAdminToken(folder: string, env: Readonly<Record<string, string | undefined>>): Promise<AdminToken> {
  const given = env['SLUICE_ADMIN_TOKEN'];
  if (given !== undefined && given !== '') return { token: checked(given, 'SLUICE_ADMIN_TOKEN'), explicit: true };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'admin-token');
  return { token: (await newToken(path)) ?? (await keptToken(path)), explicit: false };
}

/** Writes a new token unless the file is there already. */
async function newToken(path: string): Promise<string | undefined> {
  const token = `sla_${randomBytes(24).toString('base64url')}`;
  return (await writeOnce(path, `${token}\n`)) ? token : undefined;
}

async function keptToken(path: string): Promise<string> {
  await chmod(path, 0o600);
  return checked((await readFile(path, 'utf8')).trim(), path);
}

function checked(token: string, where: string): string {
  if (token.length < minTokenLength || token.length > 512 || !/^[\x21-\x7e]+$/.test(token)) {
    throw new Error(
      `${where} does not hold an admin token: it needs ${minTokenLength} to 512 printable ASCII characters without spaces. Set SLUICE_ADMIN_TOKEN, or delete the file to have a new one made.`,
    );
  }
  return token;
}
