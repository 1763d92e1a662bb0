/** Limits of a plan by name, shaped as a plan's `limits`; what a plan says itself goes before. */
export const presets = {
  gold: { eventCount: [{ limit: 50_000, per: 'day', counts: 'deliver' }] },
  silver: { eventCount: [{ limit: 25_000, per: 'day', counts: 'deliver' }] },
  bronze: { eventCount: [{ limit: 5_000, per: 'day', counts: 'deliver' }] },
  unlimited: {},
} as const;

export type PresetName = keyof typeof presets;

/** Whether a plan may name this preset. */
export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}
