import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseDuration } from '../../control/config/quantities.ts';
import { presets } from '../../protocols/provider-webhooks/presets.ts';
import type { ProviderWebhook } from '../../protocols/provider-webhooks/provider-webhook.ts';
import type { Believing } from '../../protocols/standard-webhooks/verdict.ts';
import type { VerifyContext } from '../commands/verify.ts';
import { CliError, exitCodes } from '../exit-code.ts';
import { printable } from '../output.ts';
import { nearest } from '../suggest.ts';
import { diagnose, styleOf, type Diagnosis } from './diagnosis.ts';
import { maxRequestBytes, readHeaders, readRawRequest, type RawRequest } from './raw-request.ts';

/** Judges the webhook that the command line names and answers the exit code. Throws CliError for what cannot be judged. */
export async function verifyWebhook(context: VerifyContext): Promise<number> {
  const { values, env, output } = context;
  const { request, oddities } = await readRequest(context);
  const style = presetOf(values.style ?? styleOf(request.headers) ?? 'standard');
  const fromEnv = env['SLUICE_WEBHOOK_SECRET'];
  const secrets = values.secret.length > 0 || fromEnv === undefined ? values.secret : [fromEnv];
  const believing = believingOf(values.tolerance, values.at);
  checkSecrets(style, secrets);
  const diagnosis = diagnose(style, request, secrets, believing);
  if (!output.json) for (const oddity of oddities) output.note(oddity);
  await output.show({ ...toldOf(diagnosis, style, believing), ...(oddities.length === 0 ? {} : { oddities }) }, () =>
    sentenceOf(diagnosis, style, believing, secrets.length),
  );
  return diagnosis.ok ? exitCodes.ok : exitCodes.invalid;
}

async function readRequest(context: VerifyContext): Promise<RawRequest> {
  const { values, positionals } = context;
  if (values.request !== undefined) {
    if (positionals.length > 0 || values.header.length > 0)
      throw new CliError('usage', 'A whole request has its headers and its body; leave out --header and the file of the body.');
    return readRawRequest(await readInput(values.request, context), values.url);
  }
  if (values.header.length === 0)
    throw new CliError('usage', 'sluice verify needs --request, or a --header for each header of the signature.');
  const headers = readHeaders(values.header);
  const body = await readInput(positionals[0] ?? '-', context);
  return { request: { method: 'POST', url: values.url ?? 'https://localhost/', headers, body }, oddities: [] };
}

async function readInput(name: string, { cwd, stdin, output }: VerifyContext): Promise<Buffer> {
  if (name === '-') {
    if ((stdin as { isTTY?: boolean }).isTTY === true) output.note('Reading from the terminal; end with Ctrl-D.');
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
      const part = Buffer.from(chunk as Buffer);
      bytes += part.length;
      if (bytes > maxRequestBytes) throw new CliError('invalid', `The input has more than ${maxRequestBytes} bytes.`);
      chunks.push(part);
    }
    return Buffer.concat(chunks);
  }
  const bytes = await readFile(resolve(cwd, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new CliError('notFound', `There is no file ${name}.`, { cause: error });
    throw new CliError('failed', `${name} cannot be read: ${error.message}.`, { cause: error });
  });
  if (bytes.length > maxRequestBytes) throw new CliError('invalid', `${name} has more than ${maxRequestBytes} bytes.`);
  return bytes;
}

function presetOf(name: string): ProviderWebhook {
  const found = presets.get(name);
  if (found !== undefined) return found;
  const meant = nearest(name, presets.keys());
  throw new CliError(
    'usage',
    `There is no style ${name}.${meant === undefined ? '' : ` Did you mean ${meant}?`} There are ${[...presets.keys()].join(', ')}.`,
  );
}

function checkSecrets(style: ProviderWebhook, secrets: readonly string[]): void {
  if (secrets.length === 0) throw new CliError('usage', 'sluice verify needs --secret, or SLUICE_WEBHOOK_SECRET.');
  if (secrets.length > 10) throw new CliError('usage', 'At most 10 secrets are tried.');
  const faults = secrets.map((secret) => style.secretFault(secret.trim().replace(/^(['"])(.*)\1$/, '$2')));
  if (!faults.includes(undefined)) throw new CliError('usage', `--secret, in the style ${style.name}: ${faults[0]}`);
}

function believingOf(tolerance: string, at: string | undefined): Believing {
  const milliseconds = parseDuration(tolerance);
  if (milliseconds === undefined) throw new CliError('usage', `--tolerance must be a time such as 5m, not "${tolerance}".`);
  const now = at === undefined ? Date.now() : Date.parse(at);
  if (Number.isNaN(now)) throw new CliError('usage', `--at must be a time such as 2026-01-02T03:04:05Z, not "${at}".`);
  return { now, toleranceSeconds: milliseconds / 1000 };
}

function toldOf(diagnosis: Diagnosis, { name: style }: ProviderWebhook, { now }: Believing): Readonly<Record<string, unknown>> {
  if (!diagnosis.ok) {
    const { code, culprit, sentence } = diagnosis;
    return { ok: false, style, code, culprit, sentence };
  }
  const { id, timestamp, secret } = diagnosis.verdict;
  return { ok: true, style, id, timestamp, age: timestamp === undefined ? undefined : Math.floor(now / 1000) - timestamp, secret };
}

function sentenceOf(diagnosis: Diagnosis, { name }: ProviderWebhook, { now }: Believing, secrets: number): string {
  if (!diagnosis.ok) return printable(diagnosis.sentence);
  const { id, timestamp, secret } = diagnosis.verdict;
  const parts = [
    ...(id === undefined ? [] : [`id ${id}`]),
    ...(timestamp === undefined ? [] : [`signed ${Math.floor(now / 1000) - timestamp} s ago`]),
    ...(secrets > 1 ? [`by secret ${secret + 1} of ${secrets}`] : []),
  ];
  return printable(`The signature holds (${name})${parts.length === 0 ? '' : `: ${parts.join(', ')}`}.`);
}
