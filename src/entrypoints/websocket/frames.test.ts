import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { opcodes } from '../../protocols/websocket/encode-frame.ts';
import type { Message } from '../../protocols/websocket/message-assembler.ts';
import { keyOf, openChat } from '../../testing/chat-world.ts';
import { rawFrames } from '../../testing/raw-websocket-frames.ts';
import { RawWebSocket } from '../../testing/raw-websocket.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';

const limit = { timeout: 10_000 };

/** Where this server differs from the table, and why that is right. */
const differs: Readonly<Record<string, string>> = {
  '[5.2] 125 written in 16 bits': 'the shortest form binds senders; who reads on loses nothing',
  '[5.2] 65,535 written in 64 bits': 'the shortest form binds senders; who reads on loses nothing',
  '[5.2] highest bit of 64': 'is refused as too large, 1009, instead of as malformed',
  '[10.4] one byte too many announced': 'the bound here is larger than the one of the table',
  '[10.4] too many in fragments': 'the bound here is larger than the one of the table',
};

type Expected = Message | number;

/** What the server says to a message: to text that is no operation an error, to a ping a pong, to a close a close. */
function answerTo(expected: Expected): string | undefined {
  if (typeof expected === 'number') return `close ${expected}`;
  switch (expected.kind) {
    case 'text':
      return 'error';
    case 'binary':
      return 'close 4400';
    case 'ping':
      return `pong ${expected.data.toString('hex')}`;
    case 'pong':
      return undefined;
    case 'close':
      return `close ${expected.code}`;
  }
}

function spoken(message: Message): string {
  switch (message.kind) {
    case 'text':
      return String((JSON.parse(message.data.toString('utf8')) as { op: unknown }).op);
    case 'close':
      return `close ${message.code}`;
    default:
      return `${message.kind} ${message.data.toString('hex')}`;
  }
}

describe('the WebSocket server, frame by frame', () => {
  let world: SluiceFixture;

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    await until(async () => (await world.connections()) === 0, () => 'the gateway still holds connections');
    await world.stop();
  });

  const open = async (): Promise<RawWebSocket> => {
    const headers = { authorization: `Bearer ${keyOf('open')}`, 'sec-websocket-protocol': 'sluice.v1.json' };
    const client = new RawWebSocket({ gateway: world.gateway, target: '/chat/frames/both', headers });
    assert.equal((await client.http.head).status, 101);
    return client;
  };

  for (const { name, frames, expected } of rawFrames) {
    for (const step of [Infinity, 1] as const) {
      const bytes = Buffer.concat(frames);
      if (step === 1 && bytes.length > 1000) continue;
      test(`${name}${step === 1 ? ', byte by byte' : ''}`, { ...limit, skip: differs[name] ?? false }, async () => {
        const client = await open();
        const last = expected.at(-1);
        const isOver = typeof last === 'number' || last?.kind === 'close' || last?.kind === 'binary';
        for (let at = 0; at < bytes.length; at += step) client.http.socket.write(bytes.subarray(at, at + step));
        if (!isOver) client.send(opcodes.ping, 'end');
        const answers = expected.map(answerTo).filter((answer) => answer !== undefined);
        if (!isOver) answers.push(`pong ${Buffer.from('end').toString('hex')}`);
        const heard = await hearUntil(client, answers.at(-1));
        // Before a close for a reason of ours stands the error that says it; pongs overtake answers that wait.
        const said = last !== undefined && typeof last !== 'number' && last.kind === 'binary' ? heard.filter((one) => one !== 'error') : heard;
        assert.deepEqual(said.toSorted(), answers.toSorted());
        if (isOver) {
          client.sendClose();
          await client.http.closed;
        } else client.http.socket.destroy();
      });
    }
  }

  async function hearUntil(client: RawWebSocket, end: string | undefined): Promise<readonly string[]> {
    const heard: string[] = [];
    while (!heard.includes(end ?? '') || heard.length < 1) {
      heard.push(spoken(await client.next()));
      if (heard.at(-1)?.startsWith('close')) break;
    }
    return heard;
  }
});
