import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { backpressure } from '../../policies/backpressure/backpressure.ts';
import { connectionCount } from '../../policies/connection-count/connection-count.ts';
import { duration } from '../../policies/duration/duration.ts';
import { eventCount } from '../../policies/event-count/event-count.ts';
import { flush } from '../../policies/flush/flush.ts';
import { compact } from '../draft.ts';
import { limits, plan } from './plan-shape.ts';
import type { Form } from './place.ts';
import { decode } from './shape.ts';

const policies = { eventCount, connectionCount, duration, backpressure };

const written = [
  { eventCount: { limit: 1, per: 'second' } },
  {
    eventCount: [
      { limit: 10, per: 'day', counts: 'both', onLimit: 'pause' },
      { limit: 2 ** 50, per: 'month', counts: 'publish' },
    ],
  },
  { connectionCount: { limit: 1 } },
  { connectionCount: { limit: 1_000_000 } },
  { duration: { limit: '1ms' } },
  { duration: { limit: '30s', per: 'connection' } },
  { duration: [{ limit: '2h', per: 'day' }, { until: '2031-01-01T00:00:00Z' }] },
  { backpressure: {} },
  { backpressure: { maxBuffered: '1KiB', overflow: 'disconnect' } },
  { backpressure: { maxBuffered: '1GiB', maxEvents: 5, overflow: 'conflate' } },
  { backpressure: { maxBuffered: { events: 10 }, overflow: 'drop-oldest' } },
];

describe('The limits of a plan', () => {
  for (const given of written) {
    it(`${JSON.stringify(given)} are what the policy takes, and are taken back as stored`, () => {
      const { value, problems } = decode(limits, given, 'file');
      assert.deepEqual(problems, []);
      const stored = compact(value);
      for (const [key, options] of Object.entries(stored)) {
        const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(policies[key as keyof typeof policies].schema);
        assert.ok(validate(options), `${JSON.stringify(options)}: ${JSON.stringify(validate.errors)}`);
      }
      assert.deepEqual(compact(decode(limits, stored, 'body').value), stored);
    });
  }

  const refused: readonly (readonly [given: unknown, path: string, sentence: RegExp, form?: Form])[] = [
    [{ eventCount: { limit: 0, per: 'day' } }, '/eventCount/limit', /at least 1/],
    [{ eventCount: { limit: 1.5, per: 'day' } }, '/eventCount/limit', /whole number/],
    [{ eventCount: { limit: '10', per: 'day' } }, '/eventCount/limit', /whole number, not "10"/],
    [{ eventCount: { limit: 1 } }, '/eventCount', /`per` is missing/],
    [{ eventCount: [{ limit: 1, per: 'day', onLimt: 'pause' }] }, '/eventCount/0/onLimt', /did you mean `onLimit`/],
    [{ eventCount: Array.from({ length: 17 }, () => ({ limit: 1, per: 'day' })) }, '/eventCount', /at most 16/],
    [{ connectionCount: 5 }, '/connectionCount', /must be an object, not 5/],
    [{ duration: { limit: 3600 } }, '/duration/limit', /3600 is not a duration/],
    [{ duration: { limit: -1 } }, '/duration/limit', /milliseconds/, 'body'],
    [{ duration: { limit: '0s' } }, '/duration/limit', /more than 0/],
    [{ duration: {} }, '/duration', /either `limit`.*or `until`/],
    [{ duration: { limit: '1h', until: '2031-01-01T00:00:00Z' } }, '/duration', /not both/],
    [{ duration: { until: '2031-01-01T00:00:00Z', per: 'day' } }, '/duration', /belongs to `limit`/],
    [{ duration: { until: 'tomorrow' } }, '/duration/until', /not a date and time/],
    [{ backpressure: { maxBuffered: '1 parsec' } }, '/backpressure/maxBuffered', /not a size/],
    [{ backpressure: { maxBuffered: 10 } }, '/backpressure/maxBuffered', /between 1KiB and 1GiB/],
    [{ backpressure: { maxBuffered: { events: 1 }, maxEvents: 2 } }, '/backpressure', /twice/],
    [{ backpressure: { overflow: 'drop' } }, '/backpressure/overflow', /one of pause/],
    [{ requestCount: {} }, '/requestCount', /unknown key/],
    [[], '', /must be an object, not a list/],
  ];
  for (const [given, path, sentence, form = 'file'] of refused) {
    it(`${JSON.stringify(given).slice(0, 80)} are refused at ${path}`, () => {
      const { problems } = decode(limits, given, form);
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.equal(problems[0]!.path, path);
      assert.match(problems[0]!.sentence, sentence);
    });
  }

  for (const given of [
    {},
    { maxDelay: '0ms' },
    { maxDelay: '1s', maxBytes: '16MiB', maxEvents: 100_000 },
    { maxBytes: 4096, maxEvents: 1 },
  ]) {
    it(`a plan's flush ${JSON.stringify(given)} is what the policy takes, and is taken back as stored`, () => {
      const { value, problems } = decode(plan, { flush: given }, 'file');
      assert.deepEqual(problems, []);
      const stored = compact(value).flush;
      const validate = new Ajv2020({ strict: false }).compile(flush.schema);
      assert.ok(validate(stored), `${JSON.stringify(stored)}: ${JSON.stringify(validate.errors)}`);
      assert.deepEqual(compact(decode(plan, { flush: stored }, 'body').value).flush, stored);
    });
  }

  const refusedFlushes: readonly (readonly [given: unknown, path: string, sentence: RegExp, form?: Form])[] = [
    [{ maxDelay: '1001ms' }, '/flush/maxDelay', /at most 1s, not "1001ms"/],
    [{ maxDelay: 5 }, '/flush/maxDelay', /5 is not a duration/],
    [{ maxDelay: 1001 }, '/flush/maxDelay', /at most 1s, not 1001/, 'body'],
    [{ maxBytes: '4095B' }, '/flush/maxBytes', /between 4KiB and 16MiB/],
    [{ maxBytes: '17MiB' }, '/flush/maxBytes', /between 4KiB and 16MiB/],
    [{ maxEvents: 0 }, '/flush/maxEvents', /between 1 and 100000/],
    [{ maxevents: 1 }, '/flush/maxevents', /did you mean `maxEvents`/],
    ['fast', '/flush', /must be an object, not "fast"/],
  ];
  for (const [given, path, sentence, form = 'file'] of refusedFlushes) {
    it(`a plan's flush ${JSON.stringify(given)} is refused at ${path}`, () => {
      const { problems } = decode(plan, { flush: given }, form);
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.equal(problems[0]!.path, path);
      assert.match(problems[0]!.sentence, sentence);
    });
  }

  it('a plan with nothing said is published, takes API keys and accepts at once', () => {
    assert.deepEqual(compact(decode(plan, {}, 'file').value), { state: 'published', security: ['api-key'], approval: 'auto', limits: {} });
  });
});
