import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

/** Looks again and again until it is so; the bound is for what never comes, not for what comes late on a busy machine. */
export async function until(isTrue: () => Promise<boolean>, otherwise: () => string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await isTrue())) {
    assert.ok(performance.now() < deadline, otherwise());
    await wait(5);
  }
}
