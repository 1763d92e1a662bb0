import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computingTime } from '../../testing/computing-time.ts';
import { acceptQuality, prefersEventStream } from './accept.ts';
import { formatLink } from './link.ts';
import { rateLimit, rateLimitPolicy } from './rate-limit.ts';

describe('RateLimit and RateLimit-Policy', () => {
  const daily = { limit: 'eventCount', counts: 'deliver', quota: 100, remaining: 5, window: 86_400, resetsIn: 29_001 };
  const open = { limit: 'connectionCount', counts: 'connections', quota: 3, remaining: 0, window: undefined, resetsIn: undefined };

  it('are lists of structured items', () => {
    assert.equal(rateLimitPolicy([daily, open]), '"eventCount-deliver";q=100;w=86400, "connectionCount-connections";q=3');
    assert.equal(rateLimit([daily, open]), '"eventCount-deliver";r=5;t=30, "connectionCount-connections";r=0');
  });

  it('are left out when nothing is limited, and hold only integers that a structured field can', () => {
    assert.equal(rateLimit([]), undefined);
    assert.equal(rateLimitPolicy([{ ...daily, quota: Infinity }]), undefined);
    assert.equal(rateLimit([{ ...open, remaining: -2 }]), '"connectionCount-connections";r=0');
    assert.equal(rateLimitPolicy([{ ...open, quota: 1e18 }]), '"connectionCount-connections";q=999999999999999');
    assert.equal(rateLimitPolicy([{ ...open, quota: 2.5, limit: 'a"\\é' }]), '"a\\"\\\\?-connections";q=2');
  });
});

describe('formatLink', () => {
  it('writes a target that cannot end early', () => {
    assert.equal(formatLink('/orders?from=a-1&limit=10', 'next'), '</orders?from=a-1&limit=10>; rel="next"');
    assert.equal(formatLink('/a>;\r\n "é', 'next'), '</a%3E;%0D%0A%20%22%C3%A9>; rel="next"');
    assert.equal(formatLink('/a\ud800', 'next'), '</a%EF%BF%BD>; rel="next"');
    assert.throws(() => formatLink('/', 'a"b'), RangeError);
  });
});

describe('Accept', () => {
  const batch = ['application/cloudevents-batch+json', 'application/json'];

  it('asks for an event stream only by name', () => {
    for (const yes of [
      'text/event-stream',
      'Text/Event-Stream ; charset=utf-8',
      'text/event-stream, */*',
      'text/event-stream;q=0.5, */*;q=0.1',
      'application/json, text/event-stream',
    ]) {
      assert.equal(prefersEventStream(yes, batch), true, yes);
    }
    for (const no of [
      undefined,
      '',
      '*/*',
      'text/*',
      'application/json',
      'text/event-stream;q=0',
      'text/event-stream;q=0.5, application/json',
      'text/event-streams',
      'text/event-stream/x',
    ]) {
      assert.equal(prefersEventStream(no, batch), false, no);
    }
  });

  it('weighs a media type by its most specific range', () => {
    assert.equal(acceptQuality(undefined, 'a/b'), 1);
    assert.equal(acceptQuality('a/b;q=0.25, a/*;q=0.5, */*;q=0.75', 'a/b'), 0.25);
    assert.equal(acceptQuality('a/b;q=0.25, a/*;q=0.5, */*;q=0.75', 'a/c'), 0.5);
    assert.equal(acceptQuality('a/b;q=0.25, a/*;q=0.5, */*;q=0.75', 'd/e'), 0.75);
    assert.equal(acceptQuality('a/b', 'd/e'), 0);
  });

  it('is read in linear time however long', () => {
    const computed = computingTime();
    acceptQuality(`a/b${'; '.repeat(1e6)}`, 'a/b');
    acceptQuality(`a/b;${' '.repeat(4000)}`, 'a/b');
    assert.ok(computed() < 1000);
  });
});
