import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

// In a process of its own, as it sets a flag of the whole one.
const program = `
  const { boundYoungGeneration } = await import(process.argv[1]);
  const { getHeapSpaceStatistics } = await import('node:v8');
  if (process.argv[2] === 'bounded') boundYoungGeneration();
  let kept = [];
  // What it computes, not what passes: who waits for a processor makes nothing meanwhile.
  const begun = process.threadCpuUsage();
  const isOver = () => process.threadCpuUsage(begun).user > 1_500_000;
  const work = () => {
    for (let at = 0; at < 20_000; at += 1) kept.push({ at, list: [at] });
    if (kept.length > 400_000) kept = kept.slice(200_000);
    if (!isOver()) setImmediate(work);
    else console.log(getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space').space_size);
  };
  work();
`;

function youngBytes(mode: 'bounded' | 'free'): number {
  const file = new URL('./young-generation.ts', import.meta.url).href;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program, file, mode], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return Number(stdout);
}

test('a process that keeps much of what it makes does not let its young generation grow without end', () => {
  const bounded = youngBytes('bounded');
  assert.ok(bounded >= 2 * 1024 * 1024);
  assert.ok(bounded < youngBytes('free'), `${bounded} bytes`);
});
