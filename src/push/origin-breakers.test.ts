import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { OriginBreakers } from './origin-breakers.ts';

describe('the breakers of origins', () => {
  test('endpoints of one origin share one', () => {
    const origins = new OriginBreakers(systemClock);
    assert.equal(origins.of('https://a.example/one'), origins.of('https://a.example:443/two?x=1'));
    assert.notEqual(origins.of('https://a.example/one'), origins.of('http://a.example/one'));
  });

  test('origins that nobody calls any more are forgotten when they are many, and those in use never', () => {
    const origins = new OriginBreakers(systemClock);
    const used = 'https://used.example/hook';
    const breaker = origins.of(used);
    for (let round = 0; round < 10_000; round++) {
      origins.of(`https://r${round}.example/`);
      origins.trim(1, [used]);
    }
    assert.equal(origins.of(used), breaker);
    assert.ok(origins.size <= 1002, `${origins.size} origins are remembered`);
  });
});
