import { checkReading } from '../../testing/entrypoint-conformance.ts';
import { readingByDeflatedWebSocket, readingBySluiceWebSocket, readingByWebSocket } from '../../testing/reading-by-websocket.ts';

checkReading(readingByWebSocket);
checkReading(readingByDeflatedWebSocket);
checkReading(readingBySluiceWebSocket);
