import type { Clock } from '../../core/clock.ts';

interface PauseParts {
  readonly clock: Clock;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** Ends the pause. */
  readonly signal: AbortSignal;
}

/** Resolves after milliseconds, or when the signal aborts. */
export async function pause(milliseconds: number, { clock, schedule, signal }: PauseParts): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const cancel = schedule(clock.now() + milliseconds, done);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
