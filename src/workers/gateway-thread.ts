import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../core/clock.ts';
import { openFront } from '../gateway/front.ts';
import { TimingWheel } from '../gateway/timing-wheel.ts';
import { CommonPace } from './common-pace.ts';
import { MainLink } from './main-link.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { wasToldElsewhere } from './plain-error.ts';
import { RemoteGateway } from './remote-gateway.ts';
import { SinkBoard } from './sink-board.ts';

// Entry of a worker: a listener on the gateway's port and the protocols clients speak there. Decides nothing.

const port = parentPort;
if (port === null) throw new Error('gateway-thread.ts runs as a worker thread only');
const { host, port: wanted, routes, tls, board, pace, place } = workerData as WorkerStart;

const link = new MainLink(port, { board: new SinkBoard(board), pace: new CommonPace(pace, place), onBug });
const gateway = new RemoteGateway(link, routes);
const wheel = new TimingWheel({ clock: systemClock });
const front = openFront({
  gateway,
  tls,
  onBug,
  schedule: (at, callback) => {
    const handle = wheel.schedule(at, callback);
    return () => wheel.cancel(handle);
  },
});

port.on('message', (messages: readonly ToWorker[]) => {
  for (const message of messages) receive(message);
});

front.listen(wanted, host, { reusePort: true }).then(
  (url) => link.say({ kind: 'listening', url }),
  (error: NodeJS.ErrnoException) => {
    say({ kind: 'failed', code: error.code, message: error.message });
    port.close();
  },
);

function receive(message: ToWorker): void {
  if (message.kind === 'routes') gateway.routes = message.routes;
  else if (message.kind === 'renew') front.renew(message.pair);
  else if (message.kind === 'close') void front.close().then(() => say({ kind: 'closed' }));
  else link.receive(message);
}

function say(message: FromWorker): void {
  port!.postMessage([message]);
}

function onBug(error: unknown): void {
  if (wasToldElsewhere(error)) return;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  say({ kind: 'bug', message, stack });
}
