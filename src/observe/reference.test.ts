import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { metricNames, type MetricName } from './names.ts';
import { metricsReference } from './reference.ts';

const page = new URL('../../docs/reference/metrics.md', import.meta.url);

test('docs/reference/metrics.md says what the code does; SLUICE_UPDATE=1 writes it anew', async () => {
  if (process.env['SLUICE_UPDATE'] === '1') await writeFile(page, metricsReference());
  assert.equal(await readFile(page, 'utf8'), metricsReference());
});

for (const { name, type, labels } of Object.values(metricNames) as readonly MetricName[]) {
  test(`${name} is named by the rules`, () => {
    assert.match(name, /^sluice_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter');
    assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|kib|mb)(_|$)/, 'base units only');
    for (const label of labels)
      assert.ok(!['subscription', 'application', 'reader', 'address', 'channel', 'credential'].includes(label), label);
  });
}
