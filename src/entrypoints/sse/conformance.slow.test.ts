import { checkReading } from '../../testing/entrypoint-conformance.ts';
import { readingBySse } from '../../testing/reading-by-sse.ts';

checkReading(readingBySse);
