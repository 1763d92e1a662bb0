import type { Command } from './command.ts';

/** Every command, in the order help shows them; loaded only when asked for, so that each one starts at once. */
export const commandLoaders: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).up,
  demo: async () => (await import('./commands/demo.ts')).demo,
  init: async () => (await import('./commands/init.ts')).init,
  plan: async () => (await import('./commands/plan.ts')).plan,
  apply: async () => (await import('./commands/apply.ts')).apply,
  export: async () => (await import('./commands/export.ts')).exportCommand,
  lint: async () => (await import('./commands/lint.ts')).lint,
  publish: async () => (await import('./commands/publish.ts')).publish,
  trigger: async () => (await import('./commands/trigger.ts')).trigger,
  listen: async () => (await import('./commands/listen.ts')).listen,
  verify: async () => (await import('./commands/verify.ts')).verify,
  keys: async () => (await import('./commands/keys.ts')).keys,
  subscriptions: async () => (await import('./commands/subscriptions.ts')).subscriptions,
  endpoints: async () => (await import('./commands/endpoints.ts')).endpoints,
  sources: async () => (await import('./commands/sources.ts')).sources,
  deliveries: async () => (await import('./commands/deliveries.ts')).deliveries,
  status: async () => (await import('./commands/status.ts')).status,
  usage: async () => (await import('./commands/usage.ts')).usage,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
};

export async function loadAll(): Promise<Command[]> {
  return Promise.all(Object.values(commandLoaders).map(async (load) => load()));
}
