import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CliError, exitOfAnswer } from '../exit-code.ts';
import { printable } from '../output.ts';

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** Milliseconds until the head of the answer must be there. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const defaultTimeout = 30_000;
/** An answer larger than this is no answer of ours. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** Sends a request and resolves with the head of the answer; the body is the caller's to read. Rejects with CliError `network`. */
export async function send(outgoing: Outgoing): Promise<IncomingMessage> {
  const { url, signal, body } = outgoing;
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const timeout = outgoing.timeout ?? defaultTimeout;
  const options: RequestOptions = {
    method: outgoing.method,
    headers: { ...outgoing.headers },
    // Node keeps a connection that was to be closed when the answer does not say so too, and the next request finds it cut.
    ...(outgoing.headers?.['connection'] === 'close' && { agent: false }),
    ...(signal === undefined ? {} : { signal }),
  };
  return new Promise((resolve, reject) => {
    const request = start(url, options);
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeout / 1000} seconds`)), timeout);
    request.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    // Errors after the answer began belong to whoever reads its body.
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(networkError(url, error));
    });
    request.end(body);
  });
}

/** The whole body; rejects with CliError `network` when it stops short, stalls or is far too large. */
export async function readBody(response: IncomingMessage, url: URL, timeout = defaultTimeout): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => response.destroy(new Error('the answer stalled')), timeout);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > maxAnswerBytes) throw new Error('the answer is too large');
      chunks.push(chunk);
    }
  } catch (error) {
    response.destroy();
    throw networkError(url, error);
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

/** The error an answer stands for: its problem document when it has one, the status otherwise. */
export function answerError(status: number, body: Buffer, url: URL): CliError {
  const problem = parseProblem(body);
  const code = problem?.['code'];
  const detail = problem?.['detail'] ?? problem?.['title'];
  const sentence = typeof detail === 'string' ? printable(detail) : `${url.origin} answered ${status} without saying why.`;
  return new CliError(exitOfAnswer(status, code), sentence, { details: problem ?? { status } });
}

function parseProblem(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(body.toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Whoever could not be reached, why, and what to try. */
export function networkError(url: URL, cause: unknown): CliError {
  if (cause instanceof CliError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ECONNREFUSED') return new CliError('network', `Nothing listens at ${url.origin}. Start it with: sluice up`, { cause });
  if (code === 'ENOTFOUND') return new CliError('network', `There is no host ${url.hostname}.`, { cause });
  const why = cause instanceof Error ? (cause.message === '' ? (code ?? 'unknown error') : cause.message) : String(cause);
  return new CliError('network', `The connection to ${url.origin} failed: ${why}.`, { cause });
}
