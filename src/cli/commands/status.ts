import type { View } from '../client/management.ts';
import { defineCommand } from '../command.ts';
import { printable } from '../output.ts';
import { controlOptions, managementClient } from '../servers.ts';

/** What a running Sluice says about itself. */
export const status = defineCommand({
  name: 'status',
  summary: 'how a running Sluice is: gateway, backbones, APIs, store',
  options: controlOptions,
  async run(context) {
    const client = await managementClient(context);
    const view = await client.get(['status']);
    await context.output.show(view, () => lines(view, '').join('\n'));
  },
});

/** Any JSON object as indented lines, so that members added later show up by themselves. */
function lines(view: View, indent: string): string[] {
  return Object.entries(view).flatMap(([name, value]) => {
    if (Array.isArray(value)) {
      const items = value as unknown[];
      return [`${indent}${name}: ${items.length === 0 ? 'none' : ''}`.trimEnd(), ...items.map((item) => `${indent}  - ${inline(item)}`)];
    }
    if (typeof value === 'object' && value !== null) return [`${indent}${name}:`, ...lines(value as View, `${indent}  `)];
    return [`${indent}${name}: ${inline(value)}`];
  });
}

function inline(value: unknown): string {
  if (typeof value !== 'object' || value === null) return printable(String(value as string | number));
  const members = Object.entries(value).map(([name, member]) => `${name} ${typeof member === 'object' ? JSON.stringify(member) : String(member as string)}`);
  return printable(members.join(', '));
}
