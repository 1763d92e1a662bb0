import { randomBytes } from 'node:crypto';
import { access, link, open, rename, rm } from 'node:fs/promises';

/** Writes a file for its owner alone that is there whole or not at all, whatever ends the process. False: there is one already, and it stays. */
export async function writeOnce(path: string, text: string): Promise<boolean> {
  if (await exists(path)) return false;
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeWhole(draft, text);
    await place(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function writeWhole(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(text);
  await file.sync();
}

/** Rejects with EEXIST when somebody was faster, but for file systems that have no links. */
async function place(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    await rename(draft, path);
  }
}
