import { defineCommand } from '../command.ts';
import { changeOptions, readConfig, sendConfig, showChanges } from '../config-changes.ts';
import { controlOptions, managementClient } from '../servers.ts';

/** Makes a running Sluice what the configuration file says. */
export const apply = defineCommand({
  name: 'apply',
  summary: 'make a running Sluice what the configuration file says',
  details: 'All or nothing, and twice is the same as once. Nothing is deleted without --prune.',
  options: { ...changeOptions, ...controlOptions },
  examples: ['sluice apply', 'sluice apply --config prod.yaml --prune'],
  async run(context) {
    const { values, output } = context;
    const bundle = await readConfig(values.config, context);
    const changes = await sendConfig(await managementClient(context), 'apply', bundle, values.prune);
    await showChanges(output, changes);
    output.note(changes.length === 0 ? 'Nothing to do.' : `${changes.length} applied`);
  },
});
