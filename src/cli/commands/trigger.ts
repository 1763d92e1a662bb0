import { defineCommand, type Context } from '../command.ts';
import { controlOptions, gatewayOptions } from '../servers.ts';

const { control, token, data: folder } = controlOptions;

const options = {
  ...gatewayOptions,
  api: { type: 'string', value: 'NAME', describe: 'the API, where several have events of the type' },
  address: { type: 'string', value: 'ADDRESS', describe: "a concrete address of the event's channel" },
  param: { type: 'string', multiple: true, value: 'NAME=VALUE', describe: "a parameter of the channel's address" },
  data: { type: 'string', short: 'd', value: 'JSON', describe: 'the data, instead of a sample; @FILE reads it from a file, @- from stdin' },
  set: { type: 'string', multiple: true, value: 'PATH=VALUE', describe: 'a member of the data: customer.name=Ada, items.0.price=3' },
  count: { type: 'string', value: 'N', default: '1', describe: 'how many events, each from another example or with other data' },
  seed: { type: 'string', value: 'N', describe: 'the same seed makes the same data; else it is random' },
  subject: { type: 'string', value: 'TEXT', describe: 'CloudEvents subject' },
  source: { type: 'string', value: 'URI', default: '/sluice/cli', describe: 'CloudEvents source' },
  'dry-run': { type: 'boolean', describe: 'print the events and publish nothing' },
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    describe: 'read the contracts from a configuration file and not from the running Sluice',
  },
  control,
  token,
  'data-folder': { ...folder },
} as const;

export type TriggerContext = Context<typeof options>;

/** Publishes sample events of a type that a contract knows. */
export const trigger = defineCommand({
  name: 'trigger',
  summary: 'publish a sample event, made from the contract',
  details: `The data is the first example of the message that fits its schema, else it is made from the schema, and checked like
every event that is published. Without a type it lists the types there are. Contracts come from the management API with the admin token;
from the gateway, for the APIs an application is subscribed to, with --key, or with SLUICE_KEY where there is no token that is taken or no
management API; or with --config from a file.`,
  positionals: { usage: '[EVENT_TYPE]', min: 0, max: 1 },
  options,
  examples: [
    'sluice trigger',
    'sluice trigger com.example.order.created --set total=99.5',
    'sluice trigger com.example.order.created --param region=eu --count 10 --seed 7',
    'sluice trigger com.example.order.created --dry-run --config sluice.yaml',
  ],
  async run(context) {
    const { triggerEvents } = await import('../trigger/trigger-events.ts');
    await triggerEvents(context);
  },
});
