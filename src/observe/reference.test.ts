import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { metricNames, type MetricName } from './names.ts';
import { metricsReference } from './reference.ts';

const page = new URL('../../docs/reference/metrics.md', import.meta.url);

test('docs/reference/metrics.md says what the code does; SLUICE_UPDATE=1 writes it anew', async () => {
  if (process.env['SLUICE_UPDATE'] === '1') await writeFile(page, metricsReference());
  assert.equal(await readFile(page, 'utf8'), metricsReference());
});

test('the guides name no metric that does not exist, and no label of another one', async () => {
  const guides = new URL('../../docs/guides/', import.meta.url);
  const metrics = Object.values(metricNames) as readonly MetricName[];
  let found = 0;
  for (const file of (await readdir(guides)).filter((name) => name.endsWith('.md'))) {
    const text = await readFile(new URL(file, guides), 'utf8');
    for (const [, full = '', selector = ''] of text.matchAll(/\b(sluice_[a-z_]+)(?:\{([^}]*)\})?/g)) {
      const name = full.replace(/_(bucket|sum|count)$/, '');
      const metric = metrics.find((one) => one.name === name);
      assert.ok(metric, `${file}: ${full}`);
      for (const [, label = ''] of selector.matchAll(/([a-z]+)[=!]/g))
        assert.ok(metric.labels.includes(label), `${file}: ${full} by ${label}`);
      found += 1;
    }
  }
  assert.ok(found > 10, 'the alerts are found');
});

for (const { name, type, labels } of Object.values(metricNames) as readonly MetricName[]) {
  test(`${name} is named by the rules`, () => {
    assert.match(name, /^sluice_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter');
    assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|kib|mb)(_|$)/, 'base units only');
    for (const label of labels)
      assert.ok(
        ![
          'subscription',
          'application',
          'reader',
          'address',
          'channel',
          'credential',
          'endpoint',
          'url',
          'host',
          'type',
          'tenant',
        ].includes(label),
        label,
      );
  });
}
