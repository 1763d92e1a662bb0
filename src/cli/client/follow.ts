import { setTimeout as wait } from 'node:timers/promises';
import { Backoff } from './backoff.ts';
import type { Ending } from './ending.ts';
import type { OpenStream, Received, StreamRequest } from './event-stream.ts';

export interface FollowRequest extends Omit<StreamRequest, 'position'> {
  readonly open: OpenStream;
  /** Called when a connection has ended and another will be tried after so many milliseconds. */
  readonly onCut: (ending: Ending, milliseconds: number) => void;
  readonly random: () => number;
  /** Where another connection goes on; left out: at the last position received. */
  readonly resume?: (() => string | undefined) | undefined;
}

/** Follows a channel across connections: after a cut it goes on from the last position. Ends when aborted; throws what no new connection can mend. */
export async function* follow(request: FollowRequest): AsyncGenerator<Received> {
  const backoff = new Backoff(request.random);
  let position: string | undefined;
  while (!request.signal.aborted) {
    if (request.resume !== undefined) position = request.resume();
    const stream = request.open({ ...request, position });
    let ending: Ending | undefined;
    try {
      for (;;) {
        const step = await stream.next();
        if (step.done === true) {
          ending = step.value;
          break;
        }
        if (step.value.kind !== 'open') {
          position = step.value.position ?? position;
          backoff.reset();
        }
        yield step.value;
      }
    } finally {
      if (ending === undefined) await stream.return(unread);
    }
    if (request.signal.aborted) return;
    if (!ending.retry) throw ending.error;
    await pause(request, ending, backoff);
  }
}

const unread = undefined as unknown as Ending;

async function pause(request: FollowRequest, ending: Ending, backoff: Backoff): Promise<void> {
  const milliseconds = backoff.next(ending.wait);
  request.onCut(ending, milliseconds);
  await wait(milliseconds, undefined, { signal: request.signal }).catch(() => undefined);
}
