import { isObject } from '../client/json.ts';
import type { View } from '../client/management.ts';
import { defineCommand } from '../command.ts';
import { printable } from '../output.ts';
import { controlOptions, managementClient } from '../servers.ts';

/** What a running Sluice says about itself. */
export const status = defineCommand({
  name: 'status',
  summary: 'how a running Sluice is: gateway, backbones, APIs, store',
  details: 'With --json it tells more.',
  options: controlOptions,
  async run(context) {
    const client = await managementClient(context);
    const view = await client.get(['status']);
    await context.output.show(view, () => lines(view).map(printable).join('\n'));
  },
});

function lines(view: View): string[] {
  const gateway = member(view, 'gateway');
  const store = member(view, 'store');
  const draining = gateway['draining'] === true ? ', draining' : '';
  return [
    `Sluice ${text(view['version'])}, up for ${seconds(view['uptime'])}`,
    `gateway ${text(gateway['url'])}: ${text(gateway['connections'])} connections${draining}`,
    ...list(gateway, 'workers').map((worker, index) => {
      const restarts = worker['restarts'] === 0 ? '' : `, replaced ${text(worker['restarts'])} times`;
      return `worker ${index}: ${text(worker['connections'])} connections${restarts}`;
    }),
    ...list(view, 'backbones').map((backbone) => {
      const reason = typeof backbone['reason'] === 'string' ? `, ${backbone['reason']}` : '';
      return `backbone ${text(backbone['name'])} (${text(backbone['kind'])}): ${text(backbone['state'])}, ${milliseconds(backbone['latency'])}${reason}`;
    }),
    ...list(view, 'apis').map(
      (api) => `api ${text(api['name'])} at ${text(api['path'])}: ${text(api['lifecycle'])}, ${text(api['connections'])} connections`,
    ),
    `store: ${mebibytes(store['bytes'])}, ${milliseconds(store['commitLatency'])} per commit`,
  ];
}

function member(view: View, name: string): View {
  const value = view[name];
  return isObject(value) ? value : {};
}

function list(view: View, name: string): readonly View[] {
  const value = view[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
}

function seconds(value: unknown): string {
  return typeof value === 'number' ? `${Math.round(value / 1000)} s` : '-';
}

function milliseconds(value: unknown): string {
  return typeof value === 'number' ? `${value.toFixed(1)} ms` : '-';
}

function mebibytes(value: unknown): string {
  return typeof value === 'number' ? `${(value / 1024 / 1024).toFixed(1)} MiB` : '-';
}
