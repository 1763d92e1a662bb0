import { open, realpath } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { ConfigError } from './config-error.ts';
import { maxConfigBytes } from './config-document.ts';
import type { ReadText } from './contract-files.ts';
import type { ConfigBundle } from './parse-config.ts';
import { parseConfig } from './parse-config.ts';

/** Reads a configuration file and everything it refers to; rejects with ConfigError. */
export async function readConfigFile(path: string, env: Readonly<Record<string, string | undefined>>): Promise<ConfigBundle> {
  let text: string;
  try {
    text = await readTextFile(path, { maxBytes: maxConfigBytes });
  } catch (error) {
    throw new ConfigError(path, [{ line: 0, column: 0, path: '', sentence: (error as Error).message }], { cause: error });
  }
  return await parseConfig(text, { name: path, env, readFile: readTextFile, baseFolder: dirname(resolve(path)) });
}

/** Reads a UTF-8 text file of bounded size from disk. */
export const readTextFile: ReadText = async (path, { maxBytes, within }) => {
  try {
    if (within !== undefined && !liesIn(await realpath(path), await realpath(within))) throw new Error(`${path} lies outside ${within}`);
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (!(await file.stat()).isFile()) throw new Error(`${path} is not a file`);
    if (size > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
  } catch (error) {
    throw translated(path, error as NodeJS.ErrnoException);
  }
};

/** Whether reading failed because there is no such file: what `readTextFile` or `readConfigFile` rejected with. */
export function isMissingFile(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT' || isMissingFile(thrown.cause);
}

function liesIn(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

function translated(path: string, error: NodeJS.ErrnoException): Error {
  const sentences: Readonly<Record<string, string>> = {
    ENOENT: `there is no file ${path}`,
    EACCES: `${path} may not be read`,
    EISDIR: `${path} is a folder, not a file`,
    ERR_ENCODING_INVALID_ENCODED_DATA: `${path} is not UTF-8 text`,
  };
  const sentence = sentences[error.code ?? ''];
  if (sentence !== undefined) return new Error(sentence, { cause: error });
  return error.code === undefined ? error : new Error(`${path} cannot be read: ${error.message}`, { cause: error });
}
