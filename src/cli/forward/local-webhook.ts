import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Event } from '../../core/event.ts';
import type { Position } from '../../core/position.ts';
import { CloudEventError } from '../../protocols/cloudevents/cloud-event-error.ts';
import { decodeStructured } from '../../protocols/cloudevents/structured.ts';
import type { SharedSecret, SigningKey } from '../../protocols/standard-webhooks/secret.ts';
import { signStandardWebhook } from '../../protocols/standard-webhooks/sign.ts';
import { judgeAttempt, type Decision, type FailureClass } from '../../push/attempt-outcome.ts';
import { contentOf, webhookIdOf } from '../../push/webhook-request.ts';
import { send } from '../client/http.ts';
import { CliError } from '../exit-code.ts';
import { printable } from '../output.ts';

/** Where webhooks are relayed to, and how. */
export interface ForwardTarget {
  readonly url: URL;
  readonly secret: SharedSecret | SigningKey;
  readonly content: 'structured' | 'binary' | 'data';
  /** Milliseconds for one attempt. */
  readonly timeout: number;
}

/** What became of one attempt. */
export interface Answered {
  /** Undefined: there was no answer. */
  readonly status: number | undefined;
  readonly milliseconds: number;
  /** The first characters of the answer, or why there was none. */
  readonly answer: string;
  /** What the push engine would make of it. */
  readonly decision: Decision;
}

/** Which attempt it is, and why there is another one. */
export interface AttemptNumber {
  /** 1 for the first. */
  readonly number: number;
  readonly retryReason: string | undefined;
}

/** How much of an answer is looked at, in bytes. */
const maxAnswerBytes = 4096;
const maxAnswerCharacters = 200;

/** The event that a reader received as JSON, as the push engine would have it. Throws CliError for what is no CloudEvent. */
export function eventOfText(text: string, position: string | undefined): Event {
  try {
    const { extensions, ...attributes } = decodeStructured(Buffer.from(text));
    const { position: own, ...others } = extensions;
    const place = position ?? (typeof own === 'string' ? own : undefined);
    if (place === undefined) throw new CliError('failed', 'The gateway sent an event without a position, so it has no webhook-id.');
    return new Event({ ...attributes, extensions: others }, '', place as Position, 0);
  } catch (thrown) {
    if (!(thrown instanceof CloudEventError)) throw thrown;
    throw new CliError('failed', `The gateway sent something that is no CloudEvent: ${thrown.message}`, { cause: thrown });
  }
}

/** Sends an event once, as the push engine does, signed for this attempt. Redirects are not followed (SW-17). Never rejects for what the other side does. */
export async function sendWebhook(target: ForwardTarget, event: Event, attempt: AttemptNumber, signal: AbortSignal): Promise<Answered> {
  const content = contentOf(target.content, event, { id: webhookIdOf(event), position: event.position });
  const timestamp = Math.floor(Date.now() / 1000);
  const headers: Record<string, string> = {
    // A local server is started again and again, so an idle connection to it is of little use.
    connection: 'close',
    'content-length': String(content.body.byteLength),
    ...(content.contentType === undefined ? {} : { 'content-type': content.contentType }),
    ...Object.fromEntries(content.headers),
    ...signStandardWebhook({ id: content.id, timestamp, body: content.body, secrets: [target.secret] }),
    'webhook-attempt': String(attempt.number),
    ...(attempt.retryReason === undefined ? {} : { 'webhook-retry-reason': attempt.retryReason }),
  };
  const { url, timeout } = target;
  const started = performance.now();
  const spent = (): number => Math.round(performance.now() - started);
  try {
    const response = await send({ method: 'POST', url, headers, body: content.body, timeout, signal });
    const milliseconds = spent();
    const status = response.statusCode ?? 0;
    const answer = await beginning(response, Math.max(0, timeout - milliseconds));
    const { decision } = judgeAttempt({ status, headers: response.headers }, Date.now());
    return { status, milliseconds, answer, decision };
  } catch (thrown) {
    if (!(thrown instanceof CliError)) throw thrown;
    const { decision } = judgeAttempt({ class: failureOf(thrown), phase: 'answer' }, Date.now());
    return { status: undefined, milliseconds: spent(), answer: reasonOf(thrown), decision };
  }
}

/** The first characters of an answer; empty when it stalls or breaks. */
async function beginning(response: IncomingMessage, milliseconds: number): Promise<string> {
  const read = async (): Promise<string> => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= maxAnswerBytes) break;
    }
    return printable(Buffer.concat(chunks).toString('utf8').slice(0, maxAnswerCharacters)).trim();
  };
  const late = new AbortController();
  try {
    return await Promise.race([read().catch(() => ''), wait(milliseconds, '', { signal: late.signal, ref: false })]);
  } finally {
    late.abort();
    response.destroy();
  }
}

function failureOf({ cause }: CliError): FailureClass {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'connect';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'reset';
  if (code.startsWith('HPE_')) return 'protocol';
  return code === '' ? 'timeout' : 'tls';
}

function reasonOf({ cause, message }: CliError): string {
  const { code, message: own } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ECONNRESET') return 'the connection was cut';
  return printable(own === undefined || own === '' ? (code ?? message) : own);
}
