import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, decision, type LogOptions } from './log.ts';
import { secretFields } from './names.ts';

function listen(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({ level: 'info', json: true, destination: { write: (line) => void lines.push(line) }, ...options });
  return { log, lines };
}

test('secrets are not written, at the top of a line or below it', () => {
  const { log, lines } = listen();
  for (const field of secretFields) log.info({ [field]: 'hush', request: { [field]: 'hush', headers: { [field]: 'hush' } } }, 'seen');
  assert.equal(lines.length, secretFields.length);
  for (const line of lines) assert.doesNotMatch(line, /hush/);
});

test('a decision is one line with its fields', () => {
  const { log, lines } = listen();
  decision(log, {
    tenant: 'default',
    stage: 'publish',
    code: 'LIMIT_REACHED',
    reason: 'eventCount',
    events: 3,
    sentence: 'No more today.',
  });
  assert.equal(lines.length, 1);
  const { time, ...line } = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(line, {
    level: 'info',
    event: 'decision',
    tenant: 'default',
    stage: 'publish',
    code: 'LIMIT_REACHED',
    reason: 'eventCount',
    events: 3,
    sentence: 'No more today.',
    message: 'publish refused: LIMIT_REACHED',
  });
});

test('readable lines stay one line and carry no control characters, whatever a client sent', () => {
  const { log, lines } = listen({ json: false });
  log.info({ address: 'a\n2026 forged', colour: '\u001b[31m', wide: '\u009b31m' }, 'first\r\nsecond \u001b[2J');
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] as string,
    /^\S+ info {2}first\\u000d\\u000asecond \\u001b\[2J address="a\\n2026 forged" colour="\\u001b\[31m" wide="\\u009b31m"\n$/,
  );
});

test('errors keep their cause, and lines below the level are not written', () => {
  const { log, lines } = listen();
  log.debug('nothing');
  log.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'failed');
  assert.equal(lines.length, 1);
  assert.match(lines[0] as string, /outer.*inner/);
});
