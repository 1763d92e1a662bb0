import type { IncomingHttpHeaders } from 'node:http';
import { errorKinds, type ErrorCode } from '../../core/errors.ts';
import { CliError, exitOfAnswer, isErrorCode } from '../exit-code.ts';
import { printable } from '../output.ts';
import { answerError } from './http.ts';
import { isObject } from './json.ts';

/** Why a stream ended, and whether coming back makes sense. */
export interface Ending {
  readonly retry: boolean;
  /** Milliseconds the server wants us to stay away. */
  readonly wait?: number | undefined;
  readonly error: CliError;
}

/** Coming back later than this is for whoever started us to decide. */
const longestWait = 5 * 60_000;

/** What an HTTP answer that is no stream means. */
export function endingOfAnswer(status: number, headers: IncomingHttpHeaders, body: Buffer, url: URL): Ending {
  const error = answerError(status, body, url);
  const code = isObject(error.details) ? error.details['code'] : undefined;
  return ending(
    error,
    isErrorCode(code) ? comesBack(code) : status >= 500 || status === 429 || status === 408,
    secondsOf(headers['retry-after']),
  );
}

/** What a problem document inside a stream means. */
export function endingOfProblem(problem: unknown): Ending {
  const members = isObject(problem) ? problem : {};
  const { code, detail, status, retryAfter } = members;
  const sentence = typeof detail === 'string' ? printable(detail) : 'The server ended the stream without saying why.';
  const error = new CliError(exitOfAnswer(typeof status === 'number' ? status : 500, code), sentence, { details: problem });
  return ending(error, isErrorCode(code) ? comesBack(code) : true, typeof retryAfter === 'number' ? retryAfter * 1000 : undefined);
}

/** What a WebSocket close code means; 1000 to 1015 are the protocol's own, 4000 and up ours. */
export function endingOfClose(close: number, reason: string): Ending {
  const sentence = reason === '' ? `The server closed the WebSocket with ${close}.` : printable(reason);
  const code = (Object.keys(errorKinds) as ErrorCode[]).find((one) => errorKinds[one].close === close);
  if (code === undefined) return { retry: true, error: new CliError('network', sentence, { details: { close } }) };
  const details = { code, close, detail: sentence };
  return { retry: comesBack(code), error: new CliError(exitOfAnswer(errorKinds[code].status, code), sentence, { details }) };
}

/** A connection that broke: always worth another try. */
export function endingOfBreak(error: CliError): Ending {
  return { retry: true, error };
}

function ending(error: CliError, retry: boolean, wait: number | undefined): Ending {
  return { retry: retry && (wait ?? 0) <= longestWait, wait, error };
}

function comesBack(code: ErrorCode): boolean {
  const { advice } = errorKinds[code];
  return advice === 'retry' || advice === 'retry-after';
}

function secondsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header) ? Number(header) * 1000 : undefined;
}
