import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { opcodes } from '../../protocols/websocket/encode-frame.ts';
import type { Message } from '../../protocols/websocket/message-assembler.ts';
import { assertNoConnections, keyOf, openChat } from '../../testing/chat-world.ts';
import { rawFrames } from '../../testing/raw-websocket-frames.ts';
import { RawWebSocket } from '../../testing/raw-websocket.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';

const limit = { timeout: 60_000 };

/** Where this server differs from the table, and why that is right. */
const differs: Readonly<Record<string, string>> = {
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
  const sockets: RawWebSocket[] = [];

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    for (const { http } of sockets) http.socket.destroy();
    await assertNoConnections(world);
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
        sockets.push(client);
        const isOver = typeof last === 'number' || last?.kind === 'close' || last?.kind === 'binary';
        for (let at = 0; at < bytes.length; at += Math.min(step, bytes.length)) client.http.socket.write(bytes.subarray(at, at + step));
        if (!isOver) client.send(opcodes.ping, 'end');
        const answers = expected.map(answerTo).filter((answer) => answer !== undefined);
        if (!isOver) answers.push(`pong ${Buffer.from('end').toString('hex')}`);
        const heard = await hear(client, isOver ? Infinity : answers.length);
        // Answers to text wait for their turn: pongs overtake them, and a connection that fails takes them with it.
        const compared = (list: readonly string[]) => list.filter((one) => !isOver || one !== 'error').toSorted();
        assert.deepEqual(compared(heard), compared(answers));
        if (isOver) {
          client.sendClose();
          await client.http.closed;
        } else client.http.socket.destroy();
      });
    }
  }

  async function hear(client: RawWebSocket, count: number): Promise<readonly string[]> {
    const heard: string[] = [];
    while (heard.length < count && !heard.at(-1)?.startsWith('close')) heard.push(spoken(await client.next()));
    return heard;
  }
});
