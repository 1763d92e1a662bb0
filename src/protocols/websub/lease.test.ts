import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { grantLease, leaseEnd, leasePolicy, standardLeases } from './lease.ts';

const day = 86_400;

describe('A lease', () => {
  it('WS-X1: lasts ten days for who asks for none', () => {
    assert.equal(grantLease(undefined, standardLeases), 10 * day);
  });

  it('WS-S2: is what was asked for as far as the policy allows', () => {
    const policy = leasePolicy({ defaultSeconds: 600, minSeconds: 60, maxSeconds: 3600 });
    for (const [asked, granted] of [
      [undefined, 600],
      [1, 60],
      [60, 60],
      [61, 61],
      [3600, 3600],
      [3601, 3600],
      [Number.MAX_SAFE_INTEGER, 3600],
    ] as const) {
      assert.equal(grantLease(asked, policy), granted);
    }
    assert.equal(grantLease(7200, standardLeases), 7200);
    assert.equal(grantLease(2, standardLeases), 2);
  });

  it('WS-I3: is never for ever, whatever is asked for or configured', () => {
    assert.equal(grantLease(Number.MAX_SAFE_INTEGER, standardLeases), 30 * day);
    for (const bad of [Infinity, NaN, 0, -1, 1.5, 3_650 * day + 1, 2 ** 53]) {
      assert.throws(() => leasePolicy({ maxSeconds: bad }), RangeError);
      assert.throws(() => leasePolicy({ minSeconds: bad, maxSeconds: bad }), RangeError);
    }
  });

  it('WS-I3: counts from the moment the verification request was sent', () => {
    assert.equal(leaseEnd(1_000, 10), 11_000);
  });

  it('has a default between the shortest and the longest', () => {
    assert.deepEqual(leasePolicy({}), standardLeases);
    assert.equal(leasePolicy({ maxSeconds: 3600 }).defaultSeconds, 3600);
    assert.equal(leasePolicy({ minSeconds: 20 * day }).defaultSeconds, 20 * day);
    assert.throws(() => leasePolicy({ defaultSeconds: 10, maxSeconds: 9 }), /between/);
    assert.throws(() => leasePolicy({ defaultSeconds: 10, minSeconds: 11 }), /between/);
    assert.throws(() => leasePolicy({ minSeconds: 11, maxSeconds: 10 }), /between/);
  });
});
