import type { EndpointHealth } from './endpoint-health.ts';
import { holdReasons } from './hold-reason.ts';

interface Circumstances {
  /** Its owner has paused it. */
  readonly isPaused: boolean;
  /** Its receiver has said that it wants deliveries, or need not be asked. */
  readonly isVerified: boolean;
  readonly health: EndpointHealth;
}

/** How an endpoint does, as plain JSON; `held` says in a sentence why nothing is sent at the moment. */
export function endpointStatus({ isPaused, isVerified, health }: Circumstances): Readonly<Record<string, unknown>> {
  const { failing, breaker, pause } = health.snapshot();
  const code = isPaused || isVerified ? holdCode(isPaused, health) : 'UNVERIFIED';
  return {
    state: isPaused ? 'paused' : failing.state,
    held: code === undefined ? null : { code, sentence: holdReasons[code] },
    failingSince: failing.failingSince ?? null,
    failures: failing.consecutiveFailures,
    stoppedAt: failing.stoppedAt ?? null,
    pausedUntil: health.pause.wait > 0 ? (pause.pauseUntil ?? null) : null,
    breaker: { state: health.breaker.state, openUntil: breaker.openUntil ?? null },
  };
}

function holdCode(isPaused: boolean, { failing, pause, breaker }: EndpointHealth): keyof typeof holdReasons | undefined {
  if (isPaused) return 'PAUSED_BY_OPERATOR';
  if (failing.state === 'stopped') return failing.stopReason ?? 'STOPPED_BY_OPERATOR';
  return pause.reason ?? (breaker.state === 'closed' ? undefined : 'BREAKER_OPEN');
}
