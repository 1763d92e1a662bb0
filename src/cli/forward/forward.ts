import { randomBytes } from 'node:crypto';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { parseDuration } from '../../control/config/quantities.ts';
import type { Decision } from '../../push/attempt-outcome.ts';
import { generateSharedSecret, parseSecret, type SharedSecret, type SigningKey } from '../../protocols/standard-webhooks/secret.ts';
import { StandardWebhookError } from '../../protocols/standard-webhooks/standard-webhook-error.ts';
import { oneOf, wholeNumber } from '../arguments.ts';
import type { Context } from '../command.ts';
import { CliError } from '../exit-code.ts';
import { printable, type Output } from '../output.ts';
import type { ForwardTarget } from './local-webhook.ts';
import { Relay, type Relayed } from './relay.ts';

/** Options of `listen` as they stand on the command line. */
export interface ForwardOptions {
  readonly 'forward-to': string;
  readonly secret: string | undefined;
  readonly content: string;
  readonly timeout: string;
  readonly retries: string;
}

/** Names the secret where no option does, so that it is in no list of processes. */
const secretVariable = 'SLUICE_WEBHOOK_SECRET';

type Surroundings = Pick<Context, 'output' | 'env' | 'signal'>;

/** Starts relaying to a local server and says how; the secret is made where none is given. Throws CliError `usage`. */
export async function openRelay(options: ForwardOptions, { output, env, signal }: Surroundings): Promise<Relay> {
  const given = options.secret ?? env[secretVariable];
  const made = given === undefined ? generateSharedSecret(randomBytes) : undefined;
  const target: ForwardTarget = {
    url: forwardUrl(options['forward-to']),
    secret: signer(given ?? made ?? ''),
    content: oneOf(options.content, 'content', ['structured', 'binary', 'data']),
    timeout: timeoutOf(options.timeout),
  };
  const retries = wholeNumber(options.retries, 'retries', 0, 1000);
  const told = made === undefined ? {} : { secret: made };
  if (output.json) await output.object({ forwardTo: target.url.href, content: target.content, retries, ...told });
  else {
    output.note(`Forwarding to ${target.url.href}; what fails ${retries === 0 ? 'is not tried again' : `is tried ${retries} more times`}.`);
    if (made !== undefined) output.note(`Signed with ${made}`);
  }
  return new Relay({ target, retries, signal, tell: async (relayed) => show(relayed, output) });
}

/** Lets a person at the terminal send again: `r` the last, `r 3` the third last. Undefined when nobody sits there. */
export function resendOnKeys(stdin: Readable, relay: Relay, output: Output): Interface | undefined {
  if ((stdin as { readonly isTTY?: boolean }).isTTY !== true) return undefined;
  output.note('r and Enter sends the last one again, r 3 the third last; Ctrl-C ends.');
  const lines = createInterface({ input: stdin, terminal: false });
  lines.on('line', (line) => {
    const wanted = /^\s*r(?:\s*(\d{1,3}))?\s*$/i.exec(line);
    if (wanted === null) {
      if (line.trim() !== '') output.note('Only r is known here, or r and a number.');
      return;
    }
    relay.resend(Number(wanted[1] ?? 1)).then(
      (isThere) => isThere || output.note('There is nothing to send again there.'),
      (error: unknown) => output.note(`It could not be sent again: ${String(error)}`),
    );
  });
  return lines;
}

async function show({ id, type, attempt, resent, answered }: Relayed, output: Output): Promise<void> {
  const { status, milliseconds, answer, decision } = answered;
  const ok = decision.kind === 'delivered';
  const failed = ok ? {} : { answer, push: decision.kind, reason: 'reason' in decision ? decision.reason : undefined };
  if (output.json) return output.object({ id, type, attempt, resent, ok, status, milliseconds, ...failed });
  const outcome = status === undefined ? 'failed' : String(status);
  const number = attempt === 1 ? '' : ` attempt ${attempt}`;
  const detail = ok ? '' : `  ${[meaningOf(decision), answer].filter((part) => part !== '').join(': ')}`;
  return output.line(`${new Date().toISOString()}  ${printable(type)}  ${id}${number} -> ${outcome}  ${milliseconds} ms${detail}`);
}

/** What real push would do, where that is not just another attempt. */
function meaningOf(decision: Decision): string {
  if (decision.kind === 'gone') return 'stops the endpoint';
  if (decision.kind === 'abandon-message') return 'gives this event up';
  if (decision.kind === 'format-refused') return 'tried once more only';
  return '';
}

function forwardUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new CliError('usage', `--forward-to must be a URL such as http://localhost:3000/hook, not "${text}".`);
  return url;
}

function timeoutOf(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined || milliseconds < 1 || milliseconds > 600_000)
    throw new CliError('usage', `--timeout must be a time up to 10m, such as 15s, not "${text}".`);
  return milliseconds;
}

function signer(text: string): SharedSecret | SigningKey {
  try {
    const secret = parseSecret(text);
    if (secret.kind !== 'verification') return secret;
  } catch (thrown) {
    if (!(thrown instanceof StandardWebhookError)) throw thrown;
    throw new CliError('usage', `--secret: ${thrown.message}`, { cause: thrown });
  }
  throw new CliError('usage', '--secret: a public key (whpk_) cannot sign; give its whsk_ half, or a whsec_ secret.');
}
