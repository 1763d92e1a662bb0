import { randomBytes } from 'node:crypto';
import { FrameDecoder } from '../../protocols/websocket/frame-decoder.ts';
import { MessageAssembler, type Message } from '../../protocols/websocket/message-assembler.ts';
import { RawHttp } from '../raw-http.ts';
import type { Outcome } from './hostile-case.ts';
import { keys } from './victim-world.ts';

/** A WebSocket opened as it should be, and then bytes that should not be. */
export interface FrameExchange {
  readonly path?: string;
  readonly query?: string;
  readonly subprotocol?: string;
  /** Written one behind the other, without waiting. */
  readonly frames: readonly Uint8Array[];
  /** What is the answer: the first text, or the close frame. */
  readonly until: 'answer' | 'close';
}

const largest = 1024 * 1024;
const patience = 30_000;

interface Told {
  code?: string;
  detail?: string;
}

/** Opens a WebSocket, writes the frames and resolves with what they are answered. */
export async function frameExchange(
  gateway: string,
  { path = '', query = '', subprotocol, frames, until }: FrameExchange,
): Promise<Outcome> {
  const decoder = new FrameDecoder({ role: 'client', maxPayloadBytes: largest, deflate: false });
  const assembler = new MessageAssembler(largest);
  const messages: Message[] = [];
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => (settle = resolve));
  const http = new RawHttp(gateway, (chunk) =>
    decoder.feed(chunk, (frame) => {
      const message = assembler.take(frame);
      if (message === undefined) return;
      messages.push(message);
      if (message.kind === 'close' || (until === 'answer' && message.kind === 'text')) settle();
    }),
  );
  http.send('GET', `${path}${query}`, {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'x-api-key': keys.CLIENT_KEY,
    ...(subprotocol === undefined ? {} : { 'sec-websocket-protocol': subprotocol }),
  });
  const silence = setTimeout(() => http.socket.destroy(), patience);
  const head = await Promise.race([http.head, http.closed]);
  for (const frame of frames) http.socket.write(frame);
  await Promise.race([settled, http.closed]);
  clearTimeout(silence);
  http.socket.destroy();
  return outcomeOf(head?.status, messages, until);
}

function outcomeOf(status: number | undefined, messages: readonly Message[], until: FrameExchange['until']): Outcome {
  const texts = messages.flatMap((message) => (message.kind === 'text' ? [message.data.toString('utf8')] : []));
  const all = `${status} ${JSON.stringify(messages)} ${texts.join('\n')}`;
  const { code, detail = '' } = toldBy(texts[0]);
  if (until === 'answer') return { ...(code === undefined ? {} : { code }), says: detail, all };
  const close = messages.find((message) => message.kind === 'close')?.code ?? 0;
  return { close, says: detail, all };
}

/** The problem in a notice, or in an `error` operation. */
function toldBy(text: string | undefined): Told {
  if (text === undefined) return {};
  const message = JSON.parse(text) as { data?: Told; problem?: Told; detail?: string; code?: string };
  return message.data ?? message.problem ?? message;
}
