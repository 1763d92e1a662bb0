/** Begins to measure; answers the milliseconds that this thread has computed since, however long it had to wait for a processor. */
export function computingTime(): () => number {
  const begun = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(begun);
    return (user + system) / 1000;
  };
}
