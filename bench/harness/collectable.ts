import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

/** NODE_OPTIONS with which a Node program, and each it starts, collects garbage on SIGUSR2. */
export const collectable = `--import=${pathToFileURL(join(import.meta.dirname, 'gc-on-signal.ts')).href}`;
