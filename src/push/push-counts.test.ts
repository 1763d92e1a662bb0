import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../observe/metrics.ts';
import type { Decision } from './attempt-outcome.ts';
import type { AttemptRecord } from './attempt-record.ts';
import { PushCounts } from './push-counts.ts';

const delivered: Decision = { kind: 'delivered' };

const byText = (a: string, b: string): number => a.localeCompare(b);

function record(more: Partial<AttemptRecord>): AttemptRecord {
  return { lane: 'first', outcome: 'delivered', duration: 12, ...more } as AttemptRecord;
}

function decided(reason: Extract<Decision, { kind: 'retry' }>['reason']): Decision {
  return { kind: 'retry', reason, shortened: false, fault: 'theirs' };
}

async function scraped(metrics: Metrics, name: string): Promise<readonly string[]> {
  const { body } = await metrics.scrape();
  return body.split('\n').filter((line) => line.startsWith(name));
}

test('attempts are counted by what became of them, in the words the receiver is told', async () => {
  const metrics = new Metrics();
  const counts = new PushCounts(metrics).of('orders', 'webhook');
  counts.attempted(record({}), delivered);
  counts.attempted(record({ outcome: 'retry' }), decided('server-error'));
  counts.attempted(record({ outcome: 'retry' }), decided('dns'));
  counts.attempted(record({ outcome: 'retry' }), { kind: 'format-refused', reason: 'format-refused' });
  counts.attempted(record({ outcome: 'held' }), { kind: 'gone' });
  counts.attempted(record({ outcome: 'dead' }), { kind: 'abandon-message' });
  const lines = await scraped(metrics, 'sluice_push_attempts_total{');
  const found = lines.map((line) => /outcome="([^"]+)"\} (\d+)$/.exec(line)?.slice(1).join(' ') ?? '');
  assert.deepEqual(found.toSorted(byText), [
    'abandoned 1',
    'connect 0',
    'delivered 1',
    'dns 1',
    'format-refused 1',
    'gone 1',
    'server-error 1',
    'timeout 0',
  ]);
});

test('events that end are counted by lane, each of a batch, and none that is to be tried again', async () => {
  const metrics = new Metrics();
  const counts = new PushCounts(metrics).of('orders', 'webhook');
  counts.attempted(record({ eventIds: ['a', 'b', 'c'] }), delivered);
  counts.attempted(record({ lane: 'retry' }), delivered);
  counts.attempted(record({ lane: 'replay', outcome: 'dead' }), decided('timeout'));
  counts.attempted(record({ outcome: 'retry' }), decided('timeout'));
  counts.attempted(record({ outcome: 'held' }), { kind: 'gone' });
  const lines = await scraped(metrics, 'sluice_push_ended_messages_total{');
  const found = lines.map((line) => /lane="(\w+)",result="(\w+)"\} (\d+)$/.exec(line)?.slice(1).join(' ') ?? '');
  assert.deepEqual(found.toSorted(byText), [
    'first dead 0',
    'first delivered 3',
    'replay dead 1',
    'replay delivered 0',
    'retry dead 0',
    'retry delivered 1',
  ]);
});

test('durations fall into buckets from 5 ms to 30 s, a bound into its own, and longer ones past the last', async () => {
  const metrics = new Metrics();
  const counts = new PushCounts(metrics).of('orders', 'webhook');
  for (const duration of [1, 5, 5.1, 30_000, 45_000]) counts.attempted(record({ duration }), delivered);
  const lines = await scraped(metrics, 'sluice_push_attempt_duration_seconds');
  const at = (text: string): number =>
    Number(
      lines
        .find((line) => line.includes(text))
        ?.split(' ')
        .at(-1),
    );
  assert.deepEqual([at('le="0.005"'), at('le="0.01"'), at('le="10"'), at('le="30"'), at('le="+Inf"'), at('_count')], [2, 3, 3, 4, 5, 5]);
  assert.ok(Math.abs(at('_sum') - 75.0111) < 1e-6);
});

test('APIs without end are counted together', async () => {
  const metrics = new Metrics();
  const counts = new PushCounts(metrics);
  for (let index = 0; index < 1000; index += 1) counts.of(`api-${index}`, 'webhook').attempted(record({}), delivered);
  assert.equal(counts.of('api-7', 'webhook'), counts.of('api-7', 'webhook'));
  const lines = await scraped(metrics, 'sluice_push_attempt_duration_seconds_count');
  assert.ok(lines.length <= 201, String(lines.length));
  assert.equal(
    lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    1000,
  );
});

test('with more APIs than there is room for, what is dead is not counted with what is delivered', async () => {
  const metrics = new Metrics();
  const counts = new PushCounts(metrics);
  const most = 150;
  for (let index = 0; index < most; index += 1) {
    const api = counts.of(`api-${index}`, 'webhook');
    api.attempted(record({}), delivered);
    api.attempted(record({ outcome: 'dead' }), decided('timeout'));
    api.attempted(record({ outcome: 'retry' }), decided('dns'));
  }
  const sum = async (name: string, label: string): Promise<number> =>
    (await scraped(metrics, `${name}{`))
      .filter((line) => line.includes(label))
      .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  const sums = ['delivered', 'dead', 'other'].map((result) => sum('sluice_push_ended_messages_total', `result="${result}"`));
  assert.deepEqual(await Promise.all(sums), [most, most, 0]);
  const outcomes = ['delivered', 'timeout', 'dns', 'other'].map((outcome) => sum('sluice_push_attempts_total', `outcome="${outcome}"`));
  assert.deepEqual(await Promise.all(outcomes), [most, most, most, 0]);
});

test('dead letters that are dropped are an increase from 0', async () => {
  const metrics = new Metrics();
  const counts = new PushCounts(metrics).of('orders', 'webhook');
  const name = 'sluice_push_dead_letters_dropped_total';
  assert.deepEqual(await scraped(metrics, `${name}{`), [`${name}{api="orders",protocol="webhook"} 0`]);
  counts.dropped(3);
  assert.deepEqual(await scraped(metrics, `${name}{`), [`${name}{api="orders",protocol="webhook"} 3`]);
});
