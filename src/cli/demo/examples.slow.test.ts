import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { Contract } from '../../contracts/contract.ts';
import { compileChecker, type EventChecker, type Violation } from '../../contracts/event-checker.ts';
import { findChannel } from '../../contracts/find-channel.ts';
import { lintContract } from '../../contracts/lint.ts';
import { loadContract } from '../../contracts/load-contract.ts';
import { readContract } from '../../control/config/contract-files.ts';
import { readConfigFile, readTextFile } from '../../control/config/read-config-file.ts';
import type { JsonObject } from '../client/json.ts';
import { eventKinds, eventOf, loadPayloads, type Payload } from './payloads.ts';

const examples = join(import.meta.dirname, '..', '..', '..', 'examples');
const key = 'a key for the tests of the examples'.replaceAll(' ', '-');

const source = async (path: string) => readContract(path, join(examples, path), readTextFile);

for (const path of ['github/github.asyncapi.yaml', 'orders/orders.asyncapi.yaml']) {
  test(`${path} has nothing that lint complains about`, async () => {
    assert.deepEqual(await lintContract(await source(path)), []);
  });
}

for (const [name, env] of [
  ['github', ['GITHUB_RELAY_KEY', 'DASHBOARD_KEY', 'ANALYTICS_KEY']],
  ['orders', ['DASHBOARD_KEY', 'ORDER_SERVICE_KEY']],
] as const) {
  test(`${name}/sluice.yaml reads well and needs its keys from the environment`, async () => {
    const file = join(examples, name, 'sluice.yaml');
    const { config } = await readConfigFile(file, Object.fromEntries(env.map((variable) => [variable, `${key}-${variable}`])));
    assert.ok(Object.hasOwn(config['apis'] as object, name));
    await assert.rejects(readConfigFile(file, {}), new RegExp(env[0]));
  });
}

describe('the contract of the GitHub example', () => {
  let contract: Contract;
  let checker: EventChecker;
  let payloads: readonly Payload[];
  before(async () => {
    contract = await loadContract(await source('github/github.asyncapi.yaml'));
    checker = await compileChecker(contract);
    payloads = await loadPayloads();
  });

  function violations(payload: Payload, data: unknown = payload.data, type = `com.github.${payload.kind}`): readonly Violation[] {
    const channel = findChannel(contract, payload.address);
    assert.ok(channel, `no channel for ${payload.address}`);
    return checker.check(channel, { type, data: Buffer.from(JSON.stringify(data)), dataKind: 'json' }, 'send') ?? [];
  }

  for (const kind of eventKinds) {
    test(`takes every ${kind} that GitHub ships as an example`, () => {
      const own = payloads.filter((payload) => payload.kind === kind);
      assert.ok(own.length >= 3, `there are ${own.length}`);
      for (const payload of own) assert.deepEqual(violations(payload), [], payload.address);
    });

    test(`refuses a ${kind} without its repository, of another type, or on another channel`, () => {
      const payload = payloads.find((one) => one.kind === kind);
      assert.ok(payload);
      const { repository: _, ...rest } = payload.data;
      assert.deepEqual(
        violations(payload, rest).map(({ path, keyword }) => [path, keyword]),
        [['/data', 'required']],
      );
      assert.equal(violations(payload, payload.data, 'com.github.unheard_of')[0]?.keyword, 'type-unknown');
      for (const wrong of [null, [], 'text', 1, {}]) assert.ok(violations(payload, wrong).length > 0, JSON.stringify(wrong));
    });
  }

  for (const [kind, path, change] of [
    ['push', '/data/after', (data: JsonObject) => ({ ...data, after: 'main' })],
    ['push', '/data/commits', (data: JsonObject) => ({ ...data, commits: {} })],
    ['issues', '/data/action', (data: JsonObject) => ({ ...data, action: 'exploded' })],
    ['issues', '/data/issue/number', (data: JsonObject) => ({ ...data, issue: { ...(data['issue'] as object), number: '1' } })],
    ['issue_comment', '/data/comment/body', (data: JsonObject) => ({ ...data, comment: { ...(data['comment'] as object), body: null } })],
    [
      'pull_request',
      '/data/pull_request/head/sha',
      (data: JsonObject) => ({ ...data, pull_request: { ...(data['pull_request'] as object), head: { ref: 'x', sha: 'y' } } }),
    ],
    [
      'pull_request_review',
      '/data/review/state',
      (data: JsonObject) => ({ ...data, review: { ...(data['review'] as object), state: 'liked' } }),
    ],
    ['release', '/data/release/assets', (data: JsonObject) => ({ ...data, release: { ...(data['release'] as object), assets: [{}] } })],
    ['star', '/data/starred_at', (data: JsonObject) => ({ ...data, action: 'created', starred_at: null })],
    ['fork', '/data/forkee/fork', (data: JsonObject) => ({ ...data, forkee: { ...(data['forkee'] as object), fork: false } })],
    [
      'workflow_run',
      '/data/workflow_run/conclusion',
      (data: JsonObject) => ({ ...data, workflow_run: { ...(data['workflow_run'] as object), conclusion: 'perhaps' } }),
    ],
    [
      'check_run',
      '/data/check_run/conclusion',
      (data: JsonObject) => ({ ...data, check_run: { ...(data['check_run'] as object), status: 'completed', conclusion: null } }),
    ],
    [
      'deployment',
      '/data/deployment/created_at',
      (data: JsonObject) => ({ ...data, deployment: { ...(data['deployment'] as object), created_at: 'yesterday' } }),
    ],
    ['create', '/data/ref_type', (data: JsonObject) => ({ ...data, ref_type: 'leaf' })],
  ] as const) {
    test(`says where a ${kind} is wrong: ${path}`, () => {
      const payload = payloads.find((one) => one.kind === kind);
      assert.ok(payload);
      assert.ok(
        violations(payload, change(payload.data)).some((violation) => violation.path.startsWith(path)),
        JSON.stringify(violations(payload, change(payload.data))),
      );
    });
  }

  test('is published to as its provider would: events with ids of their own that name what they are about', () => {
    const ids = new Set<unknown>();
    for (const payload of payloads) {
      const event = eventOf(payload, 0);
      ids.add(event['id']);
      assert.match(String(event['source']), /^https:\/\/github\.com\/[^/]+\/[^/]+$/);
      assert.notEqual(event['subject'], '');
    }
    assert.equal(ids.size, payloads.length);
    const issue = payloads.find(({ kind }) => kind === 'issues');
    assert.ok(issue);
    assert.equal(eventOf(issue, 0)['subject'], '#1');
  });
});
