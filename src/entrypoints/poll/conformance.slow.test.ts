import { checkReading } from '../../testing/entrypoint-conformance.ts';
import { readingByPoll } from '../../testing/reading-by-poll.ts';

checkReading(readingByPoll);
