import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from './metrics.ts';

test('a counter is a cell: the same for the same labels, exported as it stands', async () => {
  const metrics = new Metrics();
  const cell = metrics.counter('delivered', 'orders', 'free', 'sse');
  assert.equal(metrics.counter('delivered', 'orders', 'free', 'sse'), cell);
  cell.value += 3;
  for (const expected of [3, 3]) {
    const { contentType, body } = await metrics.scrape();
    assert.match(contentType, /^application\/openmetrics-text/);
    assert.match(
      body,
      new RegExp(`^sluice_subscription_delivered_messages_total\\{api="orders",plan="free",protocol="sse"\\} ${expected}$`, 'm'),
    );
    assert.match(body, /^# TYPE sluice_subscription_delivered_messages counter$/m);
    assert.ok(body.endsWith('# EOF\n'));
  }
});

test('label sets are bounded: the rest is counted under other, and the overflow is counted', async () => {
  const metrics = new Metrics({ mostLabelSets: 10 });
  for (let index = 0; index < 1000; index += 1) metrics.counter('delivered', `api-${index}`, 'free', 'sse').value += 1;
  const { body } = await metrics.scrape();
  const lines = body.split('\n').filter((line) => line.startsWith('sluice_subscription_delivered_messages_total{'));
  assert.equal(lines.length, 11);
  assert.equal(
    lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0),
    1000,
  );
  assert.match(body, /api="other",plan="other",protocol="other"\} 990/);
  assert.match(body, /^sluice_metrics_label_overflow_total\{metric="sluice_subscription_delivered_messages_total"\} 990$/m);
});

test('label values are escaped', async () => {
  const metrics = new Metrics();
  metrics.counter('refused', 'a"b\\c\nd', 'sse', 'connect', 'FORBIDDEN').value += 1;
  const { body } = await metrics.scrape();
  assert.match(body, /api="a\\"b\\\\c\\nd"/);
});

test('gauges and histograms are asked at each scrape, up to the bound', async () => {
  const metrics = new Metrics({ mostLabelSets: 2 });
  let open = 1;
  metrics.gauge('connections', () => ['a', 'b', 'c'].map((api) => ({ labels: [api, 'sse'], value: open })));
  metrics.histogram('publishDuration', () => [
    {
      labels: ['orders'],
      buckets: [
        [0.1, 2],
        [0.2, 4],
      ],
      count: 5,
      sum: 1.5,
    },
  ]);
  let asked = 0;
  metrics.beforeScrape(() => (asked += 1));
  await metrics.scrape();
  open = 7;
  const { body } = await metrics.scrape();
  assert.equal(asked, 2);
  assert.equal(body.match(/^sluice_connection_active\{/gm)?.length, 2);
  assert.match(body, /^sluice_connection_active\{api="a",protocol="sse"\} 7$/m);
  assert.match(body, /^sluice_publish_duration_seconds_bucket\{api="orders",le="0.2"\} 4$/m);
  assert.match(body, /^sluice_publish_duration_seconds_bucket\{api="orders",le="\+Inf"\} 5$/m);
  assert.match(body, /^sluice_publish_duration_seconds_count\{api="orders"\} 5$/m);
});
