import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';

/** Milliseconds of silence after a change before it is read: editors write in several steps. */
const settleTime = 200;

/** Calls back after anything changed in the folder of a file or below it; returns how to stop. Folders, since editors replace files. */
export function watchFolderOf(file: string, onChange: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(file), { persistent: false }, () => {
      clearTimeout(timer);
      timer = setTimeout(onChange, settleTime);
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    return () => undefined;
  }
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
