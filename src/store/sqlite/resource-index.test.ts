import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { randomOf } from '../../testing/seeded-random.ts';
import type { Resource, ResourceKind } from '../resources.ts';
import { ResourceIndex } from './resource-index.ts';

function resource(kind: ResourceKind, id: string, { name = id, parent = '', tenant = 'default', version = 1 } = {}): Resource {
  return { tenant, kind, id, name, parent, version, createdAt: 0, updatedAt: 0, spec: {} };
}

describe('the index of resources', () => {
  test('lists what there is by parent and name after any changes, as one that is made anew does', () => {
    const seed = randomInt(2 ** 31);
    const random = randomOf(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const index = new ResourceIndex();
    const all = new Map<string, Resource>();
    for (let step = 0; step < 1500; step += 1) {
      const id = `e${below(60)}`;
      const known = all.get(id);
      const place = known ?? { name: `n${below(1000)}-${step}`, parent: `p${below(5)}`, tenant: below(4) === 0 ? 'other' : 'default' };
      const put = resource('endpoint', id, { name: place.name, parent: place.parent, tenant: place.tenant, version: step });
      const isGone = known !== undefined && below(3) === 0;
      index.apply(isGone ? { op: 'delete', resource: known, expect: 0 } : { op: 'put', resource: put, expect: 0 });
      if (isGone) all.delete(id);
      else all.set(id, put);
      // Now and then after many changes, so that each way of keeping up is gone.
      if (below(step % 500 < 250 ? 3 : 100) > 0) continue;
      const fresh = new ResourceIndex();
      for (const one of all.values()) fresh.apply({ op: 'put', resource: one, expect: 0 });
      for (const tenant of [undefined, 'default', 'other'])
        assert.deepEqual(index.list('endpoint', tenant), fresh.list('endpoint', tenant), `seed ${seed}, step ${step}`);
      for (const parent of ['p0', 'p3', 'p4', 'p9']) {
        const wanted = fresh.list('endpoint', 'default').filter((one) => one.parent === parent);
        assert.deepEqual(index.children('endpoint', 'default', parent), wanted, `seed ${seed}, step ${step}`);
      }
    }
  });

  test('looks at few of many when one has changed, and at none when it is of another kind', () => {
    const looksAmong = (count: number): number => {
      const index = new ResourceIndex();
      let looks = 0;
      const counted = (id: string): Resource => {
        const one = resource('endpoint', id, { parent: 'shop' });
        const get = (): string => {
          looks += 1;
          return id;
        };
        return Object.defineProperty(one, 'name', { get });
      };
      for (let nth = 0; nth < count; nth += 1) index.apply({ op: 'put', resource: counted(`e${nth}`), expect: 0 });
      const before = index.list('endpoint', 'default');
      looks = 0;
      index.apply({ op: 'put', resource: resource('plan', 'gold'), expect: 0 });
      assert.equal(index.list('endpoint', 'default'), before);
      assert.equal(looks, 0);
      index.apply({ op: 'put', resource: counted('e7'), expect: 0 });
      assert.equal(index.list('endpoint', 'default').length, count);
      assert.equal(index.children('endpoint', 'default', 'other').length, 0);
      assert.equal(index.byName('default', 'endpoint', 'shop', 'e9')?.id, 'e9');
      return looks;
    };
    assert.ok(looksAmong(4000) <= looksAmong(1000) + 8, `${looksAmong(4000)} looks among 4000, ${looksAmong(1000)} among 1000`);
  });
});
