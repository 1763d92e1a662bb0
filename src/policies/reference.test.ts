import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';

import { Ajv2020 } from 'ajv/dist/2020.js';

import type { Policy } from '../core/policy.ts';
import { apiKey } from './api-key/api-key.ts';
import { backpressure } from './backpressure/backpressure.ts';
import { channelScope } from './channel-scope/channel-scope.ts';
import { connectionCount } from './connection-count/connection-count.ts';
import { duration } from './duration/duration.ts';
import { eventCount } from './event-count/event-count.ts';
import { flush } from './flush/flush.ts';
import { presets } from './presets.ts';

const policies = [apiKey, channelScope, eventCount, connectionCount, duration, backpressure, flush] as readonly Policy[];
const page = new URL('../../docs/reference/policies.md', import.meta.url);

interface OptionSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly default?: unknown;
  readonly description: string;
}

/** The options of a policy as a table; a policy that takes a list has its item's options here. */
function tableOf({ schema }: Policy): string {
  const { items, ...own } = schema as {
    items?: { properties: Record<string, OptionSchema>; required?: string[] };
    properties?: Record<string, OptionSchema>;
    required?: string[];
  };
  const { properties = {}, required = [] } = items ?? own;
  const rows = Object.entries(properties).map(([name, option]) => {
    const form = option.enum === undefined ? option.type : option.enum.map((value) => `\`${value}\``).join(', ');
    return `| \`${name}\`${required.includes(name) ? ' (required)' : ''} | ${form} | ${option.description} |`;
  });
  return rows.length === 0 ? '' : ['| option | value | meaning |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

function sectionOf(policy: Policy): string {
  const { title, description, type } = policy.schema as { title: string; description: string; type: string };
  return [
    `### ${title} (\`${policy.kind}\`)`,
    '',
    `${description}${type === 'array' ? ' A list; each item has:' : ''}`,
    '',
    tableOf(policy),
  ]
    .join('\n')
    .trimEnd();
}

function presetTable(): string {
  const rows = Object.entries(presets).map(([name, limits]) => {
    const counted =
      'eventCount' in limits
        ? limits.eventCount.map(({ limit, per }) => `${limit.toLocaleString('en-US')} delivered events per ${per}`)
        : ['no limits'];
    return `| \`${name}\` | ${counted.join(', ')} |`;
  });
  return ['| preset | limits |', '| --- | --- |', ...rows].join('\n');
}

function replaced(text: string, name: string, part: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  assert.ok(text.includes(begin) && text.includes(end), `docs/reference/policies.md has no part ${name}`);
  return `${text.slice(0, text.indexOf(begin))}${begin}\n\n${part}\n\n${text.slice(text.indexOf(end))}`;
}

describe('the policies', () => {
  it('are described in docs/reference/policies.md as their schemas say (UPDATE_REFERENCE=1 writes it)', async () => {
    const text = await readFile(page, 'utf8');
    const expected = replaced(replaced(text, 'policies', policies.map(sectionOf).join('\n\n')), 'presets', presetTable());
    if (process.env['UPDATE_REFERENCE'] === '1') await writeFile(page, expected);
    else assert.equal(text, expected);
  });

  it('have kinds of their own', () => assert.equal(new Set(policies.map(({ kind }) => kind)).size, policies.length));

  const options: readonly [Policy<never>, unknown, boolean][] = [
    [apiKey, {}, true],
    [apiKey, { header: 'x' }, false],
    [channelScope, {}, true],
    [channelScope, [], false],
    [eventCount, [{ limit: 5, per: 'day', counts: 'deliver' }], true],
    [eventCount, [{ limit: 5, per: 'month', counts: 'both', onLimit: 'pause' }], true],
    [eventCount, [], false],
    [eventCount, { limit: 5, per: 'day', counts: 'deliver' }, false],
    [eventCount, [{ limit: 5, per: 'day' }], false],
    [eventCount, [{ limit: 5, per: 'year', counts: 'deliver' }], false],
    [eventCount, [{ limit: 0, per: 'day', counts: 'deliver' }], false],
    [eventCount, [{ limit: 1.5, per: 'day', counts: 'deliver' }], false],
    [eventCount, [{ limit: 1e300, per: 'day', counts: 'deliver' }], false],
    [eventCount, [{ limit: '5', per: 'day', counts: 'deliver' }], false],
    [eventCount, [{ limit: 5, per: 'day', counts: 'deliver', then: 'x' }], false],
    [eventCount, Array.from({ length: 17 }, () => ({ limit: 5, per: 'day', counts: 'deliver' })), false],
    [connectionCount, { limit: 1 }, true],
    [connectionCount, {}, false],
    [connectionCount, { limit: -1 }, false],
    [duration, [{ limit: 1, per: 'connection' }], true],
    [duration, [{ limit: 1, per: 'week' }, { until: '2027-01-01' }], true],
    [duration, [{ limit: 1 }], false],
    [duration, [{ per: 'day' }], false],
    [duration, [{ limit: 1, per: 'day', until: '2027-01-01' }], false],
    [duration, [{}], false],
    [backpressure, {}, true],
    [backpressure, { maxBuffered: 65_536, maxEvents: 10, overflow: 'conflate' }, true],
    [backpressure, { overflow: 'explode' }, false],
    [backpressure, { maxBuffered: 1 }, false],
    [flush, {}, true],
    [flush, { maxDelay: 0, maxBytes: 4_096, maxEvents: 1 }, true],
    [flush, { maxDelay: 1_001 }, false],
    [flush, { maxDelay: 0.5 }, false],
    [flush, { maxBytes: 4_095 }, false],
    [flush, { maxEvents: 0 }, false],
    [flush, { delay: 5 }, false],
  ];
  for (const [policy, given, valid] of options) {
    it(`${policy.kind} ${valid ? 'takes' : 'refuses'} ${JSON.stringify(given).slice(0, 90)}`, () => {
      const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(policy.schema);
      assert.equal(validate(given), valid);
    });
  }
});
