import { errorKinds, type ErrorCode } from '../core/errors.ts';

/** The exit codes scripts rely on; `docs/reference` repeats them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  difference: 3,
  unauthenticated: 4,
  notFound: 5,
  conflict: 6,
  invalid: 7,
  network: 8,
  refused: 9,
} as const;

export type ExitName = keyof typeof exitCodes;

/** An error the person at the command line sees: a sentence, and the exit code that scripts see. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: ExitName;
  /** The problem document or the list of problems behind it, for `--json`. */
  readonly details: unknown;

  constructor(exit: ExitName, sentence: string, options: { readonly details?: unknown; readonly cause?: unknown } = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause });
    this.exit = exit;
    this.details = options.details;
  }
}

const byCode: Partial<Record<ErrorCode, ExitName>> = {
  POSITION_LOST: 'notFound',
  READER_TAKEN: 'conflict',
  STORE_FULL: 'failed',
  INTERNAL: 'failed',
};

const byStatus: Readonly<Record<number, ExitName>> = {
  401: 'unauthenticated',
  403: 'refused',
  404: 'notFound',
  408: 'network',
  409: 'conflict',
  410: 'notFound',
  412: 'conflict',
  428: 'conflict',
  429: 'refused',
  502: 'network',
  503: 'network',
  504: 'network',
};

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorKinds, code);
}

/** The exit code for an answer of gateway or control plane: its stable code when it has one, else its status. */
export function exitOfAnswer(status: number, code: unknown): ExitName {
  if (isErrorCode(code)) return byCode[code] ?? exitOfStatus(errorKinds[code].status);
  return exitOfStatus(status);
}

function exitOfStatus(status: number): ExitName {
  return byStatus[status] ?? (status >= 400 && status < 500 ? 'invalid' : 'failed');
}
