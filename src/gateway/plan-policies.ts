import { GatewayError } from '../core/errors.ts';
import { isPreset, presets } from '../policies/presets.ts';
import type { LimitsSpec, PlanSpec } from '../store/resources.ts';

/** One policy a plan asks for, with its options as the policy's schema has them. */
export interface PolicyChoice {
  readonly kind: string;
  readonly options: unknown;
}

/** The policies a plan stands for, in the order of their stages: who it is, where to, how much. A provider may have no plan. */
export function policiesOf(plan: PlanSpec | undefined): readonly PolicyChoice[] {
  const limits = plan === undefined ? {} : limitsOf(plan);
  const choices: PolicyChoice[] = (plan?.security ?? []).map((kind) => ({ kind, options: {} }));
  choices.push({ kind: 'channel-scope', options: {} });
  if (limits.eventCount !== undefined && limits.eventCount.length > 0) choices.push({ kind: 'event-count', options: limits.eventCount });
  if (limits.connectionCount !== undefined) choices.push({ kind: 'connection-count', options: limits.connectionCount });
  if (limits.duration !== undefined && limits.duration.length > 0) choices.push({ kind: 'duration', options: limits.duration });
  choices.push({ kind: 'backpressure', options: limits.backpressure ?? {} });
  choices.push({ kind: 'flush', options: plan?.flush ?? {} });
  return choices;
}

/** A plan's limits with its preset filled in: a limit the plan names itself replaces the preset's of the same name. */
export function limitsOf({ preset, limits }: PlanSpec): LimitsSpec {
  if (preset === undefined) return limits;
  if (!isPreset(preset)) {
    const known = Object.keys(presets).join(', ');
    throw new GatewayError(
      'INVALID_CONFIGURATION',
      `There is no preset ${JSON.stringify(preset.slice(0, 100))}; a plan may name one of ${known}.`,
    );
  }
  const own = Object.entries(limits).filter(([, value]) => value !== undefined);
  return { ...presets[preset], ...(Object.fromEntries(own) as LimitsSpec) };
}
