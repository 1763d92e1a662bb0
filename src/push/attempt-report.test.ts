import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSecretName } from '../store/sqlite/without-secrets.ts';
import { attemptRecord } from './attempt-report.ts';

test('what the management API hides of an endpoint by its name is hidden in attempts too', () => {
  const names = ['X-Pass', 'X-Passphrase', 'X-Credential', 'X-Api-Key', 'Cookie', 'X-Auth', 'Shop-Token', 'Client-Secret'];
  for (const name of names) assert.ok(isSecretName(name), name);
  const first = { position: '1', eventId: 'e', eventType: 't' };
  const { detail } = attemptRecord({
    target: { id: 'ept_1', tenant: 'default', authentication: undefined },
    delivery: { first, items: [first], attempts: 1, size: 1 },
    lane: 'fresh',
    at: 0,
    request: { url: 'https://a.example/', method: 'POST', headers: [...names, 'X-Shop'].map((name) => [name, 'hunter2'] as const) },
    outcome: { kind: 'answered', status: 200, headers: {}, body: Buffer.alloc(0), truncated: undefined, timings: { totalMs: 1 } },
    result: 'delivered',
  } as unknown as Parameters<typeof attemptRecord>[0]);
  assert.deepEqual(detail.request, [...names.map((name) => [name, '***']), ['X-Shop', 'hunter2']]);
});
