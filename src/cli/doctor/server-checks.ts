import { readBody, send } from '../client/http.ts';
import { isObject } from '../client/json.ts';
import type { ManagementClient } from '../client/management.ts';
import { CliError } from '../exit-code.ts';
import { printable } from '../output.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

const timeout = 3000;
const largestSkew = 5000;

/** What an address answers; undefined when nothing listens there. */
interface Answer {
  readonly status: number;
  readonly body: string;
  /** Milliseconds by which its clock is ahead of ours. */
  readonly ahead: number | undefined;
}

async function ask(url: URL, signal: AbortSignal): Promise<Answer | CliError> {
  try {
    const response = await send({ method: 'GET', url, timeout, signal });
    const body = (await readBody(response, url, timeout)).toString('utf8');
    const date = Date.parse(response.headers.date ?? '');
    return { status: response.statusCode ?? 0, body, ahead: Number.isNaN(date) ? undefined : date - Date.now() };
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
}

/** Whether the control plane answers, is ready, and agrees with us about the time. */
export async function checkControl(control: URL, signal: AbortSignal): Promise<Finding[]> {
  const answer = await ask(new URL('/readyz', control), signal);
  if (answer instanceof CliError) return [warn('control', answer.message, 'if it runs elsewhere, say where with --control')];
  const clock = answer.ahead === undefined ? [] : [skew(answer.ahead)];
  if (answer.status === 200) return [ok('control', `${control.origin} is ready`), ...clock];
  if (answer.status === 503)
    return [fail('control', `${control.origin} is not ready: ${printable(answer.body.slice(0, 200))}`, 'see its log'), ...clock];
  return [
    fail(
      'control',
      `what listens at ${control.origin} is not a control plane (it answered ${answer.status})`,
      'end that program, or use --control-port and --control',
    ),
  ];
}

function skew(ahead: number): Finding {
  // The Date header has whole seconds.
  if (Math.abs(ahead) <= largestSkew) return ok('clocks', 'this machine and the server agree');
  return warn('clocks', `the server's clock is ${Math.round(ahead / 1000)} s ahead of this one`, 'let both follow a time server');
}

/** Whether something that speaks as a gateway does listens there. */
export async function checkGateway(gateway: URL, signal: AbortSignal): Promise<Finding> {
  const answer = await ask(new URL('/.sluice-doctor', gateway), signal);
  if (answer instanceof CliError) return warn('gateway', answer.message, 'if it runs elsewhere, say where with --gateway');
  if (answer.body.includes('"code"')) return ok('gateway', `${gateway.origin} answers`);
  return fail(
    'gateway',
    `what listens at ${gateway.origin} is not a gateway (it answered ${answer.status})`,
    'end that program, or use --port and --gateway',
  );
}

/** What a running Sluice says about itself; nothing when it cannot be asked. */
interface Report {
  /** Where it says its gateway is. */
  readonly gateway: URL | undefined;
  /** The health of each backbone as it sees it, or why it does not tell. */
  readonly findings: readonly Finding[];
}

export async function askStatus(client: ManagementClient, control: URL): Promise<Report> {
  try {
    const { gateway, backbones } = await client.get(['status']);
    const findings = Array.isArray(backbones) ? backbones.filter(isObject).map((one) => backboneFinding(String(one['name']), one)) : [];
    return { gateway: isObject(gateway) ? reachable(gateway['url'], control) : undefined, findings };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const findings =
      error.exit === 'network' ? [] : [fail('status', error.message, 'check the admin token: --token, SLUICE_ADMIN_TOKEN or --data')];
    return { gateway: undefined, findings };
  }
}

/** One that listens on every address of its machine is found at the one by which we reached its control plane. */
function reachable(reported: unknown, control: URL): URL | undefined {
  if (typeof reported !== 'string' || !URL.canParse(reported)) return undefined;
  const url = new URL(reported);
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = control.hostname;
  return url;
}

function backboneFinding(name: string, health: Readonly<Record<string, unknown>>): Finding {
  const { state, latency, reason } = health;
  const check = `backbone ${printable(name)}`;
  if (state === 'up') return ok(check, typeof latency === 'number' ? `up, ${latency.toFixed(1)} ms` : 'up');
  const why = typeof reason === 'string' ? `${String(state)}: ${printable(reason)}` : String(state);
  return (state === 'down' ? fail : warn)(check, why, 'see the log for what it tried');
}
