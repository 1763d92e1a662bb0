import { checkReading } from '../../testing/entrypoint-conformance.ts';
import { readingBySseHttp2 } from '../../testing/reading-by-sse-http2.ts';

checkReading(readingBySseHttp2);
