import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { CliError } from '../exit-code.ts';

/**
 * The lines of a stream, in groups as they arrive, without their ends; empty lines are left out.
 * Rejects with CliError `invalid` when a line is longer than `maxCharacters`.
 */
export async function* lineGroups(stream: Readable, maxCharacters: number): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream as AsyncIterable<Buffer | string>) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxCharacters)
      throw new CliError('invalid', `A line is longer than ${maxCharacters} characters; is this really one event per line?`);
    const full = lines.map(withoutReturn).filter((line) => line.trim() !== '');
    if (full.length > 0) yield full;
  }
  const last = withoutReturn(rest + decoder.end());
  if (last.trim() !== '') yield [last];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
