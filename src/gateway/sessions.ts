import { GatewayError } from '../core/errors.ts';
import type { GatewaySession } from './session.ts';

/** The sessions that stay open, so that what changes in the control plane reaches them, and so that a restart can tell each. */
export class Sessions {
  readonly #open = new Set<GatewaySession>();

  get size(): number {
    return this.#open.size;
  }

  add(session: GatewaySession): void {
    this.#open.add(session);
  }

  remove(session: GatewaySession): void {
    this.#open.delete(session);
  }

  /** Checks every open session against the catalogue as it is now: new limits apply, what is no longer allowed ends. */
  revalidate(): void {
    for (const session of this.#open) session.revalidate();
  }

  count(api: string): number {
    let count = 0;
    for (const session of this.#open) if (session.apiName === api) count += 1;
    return count;
  }

  /** Ends all sessions evenly over `window` milliseconds; each is told a time of its own to come back. */
  async drain(window: number, random: () => number, signal: AbortSignal): Promise<void> {
    const steps = Math.max(1, Math.min(20, Math.floor(window / 50)));
    const all = [...this.#open];
    const share = Math.ceil(all.length / steps);
    for (let step = 0; step < steps && this.#open.size > 0; step += 1) {
      const now = signal.aborted ? all.slice(step * share) : all.slice(step * share, (step + 1) * share);
      for (const session of now) session.end(restarting(1000 + Math.floor(random() * 4000)));
      if (signal.aborted || step === steps - 1) return;
      await pause(window / steps, signal);
    }
  }
}

function restarting(retryAfter: number): GatewayError {
  return new GatewayError('RESTARTING', 'The gateway is restarting; come back with the last position and go on where you were.', {
    retryAfter,
  });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
