import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineCommand, type Context } from '../command.ts';
import { fail, ok, warn, type Finding } from '../doctor/finding.ts';
import { checkAdminToken, checkDataFolder, checkDisk, checkNode, checkOwnClock } from '../doctor/machine-checks.ts';
import { askStatus, checkControl, checkGateway } from '../doctor/server-checks.ts';
import { CliError, exitCodes } from '../exit-code.ts';
import { controlOptions, controlUrl, gatewayOptions, gatewayUrl, managementClient } from '../servers.ts';

const options = {
  ...controlOptions,
  gateway: gatewayOptions.gateway,
  config: { type: 'string', short: 'c', value: 'FILE', default: 'sluice.yaml', describe: 'the configuration file' },
} as const;

/** Looks for whatever keeps Sluice from working here. */
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'look for trouble: this machine, the configuration, a running Sluice',
  details: 'Each line is ok, warn or fail with a remedy; the exit code is 1 when one fails.',
  options,
  async run(context) {
    let failed = false;
    for await (const finding of findings(context)) {
      failed ||= finding.state === 'fail';
      await context.output.show(finding, () => line(finding));
    }
    return failed ? exitCodes.failed : exitCodes.ok;
  },
});

function line({ check, state, sentence, remedy }: Finding): string {
  return `${state.padEnd(4)}  ${check}: ${sentence}${remedy === undefined ? '' : `; ${remedy}`}`;
}

async function* findings(context: Context<typeof options>): AsyncGenerator<Finding> {
  const { values, env, cwd, signal } = context;
  const data = resolve(cwd, values.data);
  yield checkNode(process.version);
  yield await checkDataFolder(data);
  yield await checkDisk(data);
  yield checkOwnClock(Date.now());
  yield await checkConfig(values.config, context);
  yield await checkAdminToken(data, (values.token ?? env['SLUICE_ADMIN_TOKEN']) !== undefined);
  const control = controlUrl(values, env);
  yield* await checkControl(control, signal);
  const client = await managementClient(context).catch(() => undefined);
  const report = client === undefined ? undefined : await askStatus(client, control);
  // Whoever names a gateway means that one; else the one that the Sluice we asked really has.
  const isNamed = (values.gateway ?? env['SLUICE_GATEWAY']) !== undefined;
  yield await checkGateway((isNamed ? undefined : report?.gateway) ?? gatewayUrl(values, env), signal);
  yield* report?.findings ?? [];
}

async function checkConfig(file: string, context: Context<typeof options>): Promise<Finding> {
  const exists = await access(resolve(context.cwd, file)).then(
    () => true,
    () => false,
  );
  if (!exists) return warn('configuration', `there is no ${file} here`, 'sluice init writes one');
  try {
    const { readConfig } = await import('../config-changes.ts');
    await readConfig(file, context);
    return ok('configuration', `${file} reads well`);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return fail('configuration', error.message, 'correct the file');
  }
}
