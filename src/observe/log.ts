import { pino, type DestinationStream, type Logger } from 'pino';
import { secretFields, type decisionFields } from './names.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Where lines go, one at a time with their line end: stderr of the process, a file, a test's list. */
  readonly destination: DestinationStream;
  /** JSON lines for machines; else one readable line each. */
  readonly json: boolean;
}

/** The operators' log. Values of secret fields are replaced, wherever they stand within two levels. */
export function createLog(options: LogOptions): Log {
  const destination = options.json ? options.destination : new ReadableLines(options.destination);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths(), censor: '[secret]' },
      errorKey: 'error',
      messageKey: 'message',
    },
    destination,
  );
}

/** What a decision's line holds; the names are those of `decisionFields`. */
export type Decision = Readonly<Partial<Record<Exclude<keyof typeof decisionFields, 'event'>, string | number | undefined>>>;

/** Writes a decision against a client as one wide line. */
export function decision(log: Log, fields: Decision): void {
  log.info({ event: 'decision', ...fields }, `${fields.stage} refused: ${fields.code}`);
}

function secretPaths(): string[] {
  return secretFields.flatMap((field) => {
    const name = `["${field}"]`;
    return [name, `*${name}`, `*.*${name}`];
  });
}

/** Turns JSON lines into `time level message key=value …`. */
class ReadableLines implements DestinationStream {
  readonly #destination: DestinationStream;

  constructor(destination: DestinationStream) {
    this.#destination = destination;
  }

  write(line: string): void {
    const { time, level, message, ...fields } = JSON.parse(line) as { time: string; level: string; message?: string } & Record<
      string,
      unknown
    >;
    const rest = Object.entries(fields).map(
      ([key, value]) => ` ${key}=${typeof value === 'string' && /^[\w./:*@-]+$/.test(value) ? value : JSON.stringify(value)}`,
    );
    this.#destination.write(`${time} ${level.padEnd(5)} ${escapeControls(`${message ?? ''}${rest.join('')}`)}\n`);
  }
}

/** Control characters in a message must not move a terminal's cursor or forge a line. */
function escapeControls(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
