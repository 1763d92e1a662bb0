/** Tries with a short time what has to hold within one, and with ten and a hundred times as much where the machine was too slow for that. */
export async function withTime(holds: (milliseconds: number) => Promise<void>): Promise<void> {
  for (const milliseconds of [100, 1_000]) {
    try {
      await holds(milliseconds);
      return;
    } catch {
      // What is wrong is wrong with more time as well.
    }
  }
  await holds(10_000);
}
