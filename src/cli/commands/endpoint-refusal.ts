import type { ManagementClient } from '../client/management.ts';
import type { Context } from '../command.ts';
import { CliError } from '../exit-code.ts';

/** Says why nothing is delivered to an endpoint as things are. It is taken all the same, since contracts and what is allowed change. */
export async function tellRefusal({ output }: Pick<Context, 'output'>, client: ManagementClient, endpoint: string): Promise<void> {
  try {
    await client.get(['endpoints', endpoint, 'preview'], { limit: '1' });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    // Anything else, such as a server that has no time for it, says nothing about the endpoint.
    if (error.exit === 'refused' || error.exit === 'notFound') output.note(`Nothing is delivered as things are: ${error.message}`);
  }
}
