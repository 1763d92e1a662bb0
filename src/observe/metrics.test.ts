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
  assert.match(body, /api="other",plan="other",protocol="sse"\} 990/);
  assert.match(body, /^sluice_metrics_label_overflow_total\{metric="sluice_subscription_delivered_messages_total"\} 990$/m);
});

test('what finds no room is told apart by all but the names people gave, as long as that is bounded too', async () => {
  const metrics = new Metrics({ mostLabelSets: 10 });
  for (let index = 0; index < 10; index += 1) metrics.counter('pushEnded', `api-${index}`, 'webhook', 'first', 'dead');
  for (let index = 10; index < 30; index += 1) {
    metrics.counter('pushEnded', `api-${index}`, 'webhook', 'first', 'delivered').value += 1;
    metrics.counter('pushEnded', `api-${index}`, 'webhook', 'retry', 'dead').value += 2;
  }
  for (let index = 0; index < 1000; index += 1) metrics.counter('pushEnded', 'api-99', 'webhook', `lane-${index}`, 'dead').value += 1;
  metrics.counter('pushEnded', 'api-99', 'webhook', 'retry', 'dead').value += 5;
  const { body } = await metrics.scrape();
  const lines = body.split('\n').filter((line) => line.startsWith('sluice_push_ended_messages_total{'));
  assert.equal(lines.length, 21);
  assert.match(body, /\{api="other",protocol="webhook",lane="first",result="delivered"\} 20$/m);
  assert.match(body, /\{api="other",protocol="webhook",lane="retry",result="dead"\} 45$/m);
  assert.match(body, /\{api="other",protocol="other",lane="other",result="other"\} 992$/m);
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
