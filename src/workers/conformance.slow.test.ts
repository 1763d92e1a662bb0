import { checkReading } from '../testing/entrypoint-conformance.ts';
import { readingByPoll } from '../testing/reading-by-poll.ts';
import { readingBySse } from '../testing/reading-by-sse.ts';
import { readingBySseHttp2 } from '../testing/reading-by-sse-http2.ts';
import { readingBySluiceWebSocket, readingByWebSocket } from '../testing/reading-by-websocket.ts';

for (const protocol of [readingBySse, readingBySseHttp2, readingByWebSocket, readingBySluiceWebSocket, readingByPoll]) {
  checkReading(protocol, { workers: 2 });
}
