import { parentPort, workerData } from 'node:worker_threads';

/** A thread that works or waits for so many milliseconds and says that it is done. */
const { works, milliseconds } = workerData as { readonly works: boolean; readonly milliseconds: number };

const until = performance.now() + milliseconds;
if (works) while (performance.now() < until);
else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
parentPort?.postMessage('done');
