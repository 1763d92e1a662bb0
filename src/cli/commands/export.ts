import { defineCommand } from '../command.ts';
import { controlOptions, managementClient } from '../servers.ts';

/** The configuration of a running Sluice as a file that `apply` takes. */
export const exportCommand = defineCommand({
  name: 'export',
  summary: 'print the configuration of a running Sluice, as apply takes it',
  details: 'Keys are never kept, so they are given back as hashes, which apply accepts.',
  options: controlOptions,
  examples: ['sluice export > sluice.yaml'],
  async run(context) {
    const client = await managementClient(context);
    const config = await client.get(['export']);
    if (context.output.json) {
      await context.output.object(config);
      return;
    }
    const { printConfig } = await import('../../control/config/print-config.ts');
    await context.output.line(printConfig(config).trimEnd());
  },
});
