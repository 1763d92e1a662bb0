import { defineCommand } from '../command.ts';
import { changeOptions, readConfig, sendConfig, showChanges } from '../config-changes.ts';
import { exitCodes } from '../exit-code.ts';
import { controlOptions, managementClient } from '../servers.ts';

/** What `apply` would change. */
export const plan = defineCommand({
  name: 'plan',
  summary: 'what apply would change; exit code 3 when there is a difference',
  options: { ...changeOptions, ...controlOptions },
  examples: ['sluice plan', 'sluice plan --config prod.yaml --prune --json'],
  async run(context) {
    const { values, output } = context;
    const bundle = await readConfig(values.config, context);
    const changes = await sendConfig(await managementClient(context), 'plan', bundle, values.prune);
    await showChanges(output, changes);
    if (changes.length === 0) output.note('No difference.');
    return changes.length === 0 ? exitCodes.ok : exitCodes.difference;
  },
});
