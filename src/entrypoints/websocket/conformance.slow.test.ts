import { checkReading } from '../../testing/entrypoint-conformance.ts';
import { readingBySluiceWebSocket, readingByWebSocket } from '../../testing/reading-by-websocket.ts';

checkReading(readingByWebSocket);
checkReading(readingBySluiceWebSocket);
