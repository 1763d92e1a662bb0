import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Bytes of both halves of the young generation from which on it grows no more. */
const enoughBytes = 32 * 1024 * 1024;

/**
 * Keeps the young generation from growing past what pays: V8 doubles it up to 128 MiB when the process is held up once, and never gives
 * that back. It has to be watched after each collection, since a limit can be set only where a process is started. Returns how to stop.
 */
export function boundYoungGeneration(): () => void {
  const observer = new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    if (young === undefined || young.space_size < enoughBytes) return;
    observer.disconnect();
    // V8 reads it at each growth.
    setFlagsFromString('--semi-space-growth-factor=1');
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}
