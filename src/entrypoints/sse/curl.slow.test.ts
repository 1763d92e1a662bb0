import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { keyOf, numbered, openChat, say, type ChatUser } from '../../testing/chat-world.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';

const limit = { timeout: 60_000 };

describe('curl', { skip: hasCurl() ? false : 'curl is not installed' }, () => {
  let world: SluiceFixture;
  const run = promisify(execFile);
  const curl = async (path: string, user: ChatUser, ...more: readonly string[]): Promise<string> => {
    const { stdout } = await run(
      'curl',
      ['-sNi', '-H', 'Accept: text/event-stream', '-H', `X-API-Key: ${keyOf(user)}`, ...more, `${world.gateway}${path}`],
      { encoding: 'latin1' },
    );
    return stdout;
  };
  /** A stream of 0.3 seconds in which its event came: a machine that stands still may use them up before. */
  const briefly = async (path: string, ...more: readonly string[]): Promise<string> => {
    for (;;) {
      const text = await curl(path, 'brief', ...more);
      if (text.includes('"id":"1"')) return text;
    }
  };

  before(async () => {
    world = await openChat();
  });

  after(() => world.stop());

  test('sees a stream that no proxy holds back, which ends with the reason and the time to come back', limit, async () => {
    await say(world, '/chat/a/said', numbered('', 1));
    const [head = '', ...blocks] = (await briefly('/chat/a/said?from=earliest')).split(/\r?\n\r?\n/);
    assert.match(
      head,
      /^HTTP\/1\.1 200 OK\r\nDate: .* GMT\r\nConnection: close\r\nContent-Type: text\/event-stream\r\nCache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n/,
    );
    assert.match(blocks[0] ?? '', /^retry: [12]\d\d\d$/);
    assert.match(blocks[1] ?? '', /^id: \w{6}-\d+\ndata: \{"specversion":"1\.0","id":"1"/);
    assert.match(blocks[2] ?? '', /^event: sluice\.error\ndata: \{.*"code":"DURATION_OVER"/);
    assert.match(blocks[3] ?? '', /^retry: \d+$/);
  });

  test('sees a limit at the door in the headers as well as in the stream', limit, async () => {
    const url = `${world.gateway}/chat/b/said`;
    const holder = await fetch(url, { headers: { accept: 'text/event-stream', 'x-api-key': keyOf('single') } });
    const text = await curl('/chat/b/said', 'single');
    await holder.body?.cancel();
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(text, /\r\nretry-after: \d+\r\n/i);
    assert.match(text, /\r\nratelimit: "connectionCount-connections";r=0;t=\d+\r\n/i);
    assert.match(text, /\r\nratelimit-policy: "connectionCount-connections";q=1\r\n/i);
    assert.match(text, /event: sluice\.error\ndata: \{.*"code":"LIMIT_REACHED".*\}\n\nretry: \d+\n\n$/);
  });

  test('gets a plain status where coming back is useless', limit, async () => {
    assert.match(await curl('/chat/a/whispered', 'open'), /^HTTP\/1\.1 404 /);
    assert.match(await curl('/chat/a/said', 'stranger'), /^HTTP\/1\.1 403 /);
    assert.match(await curl('/chat/a/said?event=name', 'open'), /^HTTP\/1\.1 400 /);
  });

  test('gets 204 when it comes back after the end, so that EventSource stops', limit, async () => {
    const text = await curl('/chat/a/said', 'open', '-H', 'Last-Event-ID: end');
    assert.match(text, /^HTTP\/1\.1 204 /);
  });

  test('is told in the stream that its position is lost, and how to stop', limit, async () => {
    const text = await curl('/chat/a/said', 'open', '-H', 'Last-Event-ID: zzzzzz-9');
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.match(text, /id: end\nevent: sluice\.error\ndata: \{.*"code":"POSITION_LOST"/);
  });

  test('sees the same by HTTP/2 with prior knowledge', limit, async () => {
    await say(world, '/chat/h2/said', numbered('', 1));
    const [head = '', ...blocks] = (await briefly('/chat/h2/said?from=earliest', '--http2-prior-knowledge')).split(/\r?\n\r?\n/);
    assert.match(
      head,
      /^HTTP\/2 200 \r\ncontent-type: text\/event-stream\r\ncache-control: no-cache, no-transform\r\nx-accel-buffering: no\r\n/,
    );
    assert.match(blocks[0] ?? '', /^retry: [12]\d\d\d$/);
    assert.match(blocks[1] ?? '', /^id: \w{6}-\d+\ndata: \{"specversion":"1\.0","id":"1"/);
    assert.match(blocks[2] ?? '', /^event: sluice\.error\ndata: \{.*"code":"DURATION_OVER"/);
    assert.match(await curl('/chat/h2/said', 'open', '--http2-prior-knowledge', '-H', 'Last-Event-ID: end'), /^HTTP\/2 204 /);
    assert.match(await curl('/chat/a/whispered', 'open', '--http2-prior-knowledge'), /^HTTP\/2 404 [^]*"code":"CHANNEL_NOT_FOUND"/);
  });
});

function hasCurl(): boolean {
  return spawnSync('curl', ['--version']).status === 0;
}
