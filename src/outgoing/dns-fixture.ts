import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { addressBytes } from './address-range.ts';

interface DnsRecord {
  readonly type: 'A' | 'AAAA' | 'CNAME';
  readonly value: string;
  /** Whose record it is; the name asked for when left out. */
  readonly name?: string;
  readonly ttl?: number;
}

/** Records, or: no such name, an answer that does not fit (ask by TCP), a refusal, nothing at all. */
export type DnsReply = readonly DnsRecord[] | 'unknown' | 'truncated' | 'refused' | 'silence';

type Answerer = (name: string, type: 'A' | 'AAAA', transport: 'udp' | 'tcp') => DnsReply;

const typeNumbers = { A: 1, CNAME: 5, AAAA: 28 } as const;

/** A small name server for tests, by UDP and TCP on one port of the loopback interface. */
export class DnsResponder {
  /** What was asked, in order: `hook.test A udp`. */
  readonly asked: string[] = [];
  readonly #answer: Answerer;
  #udp: UdpSocket | undefined;
  readonly #tcp = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();

  constructor(answer: Answerer) {
    this.#answer = answer;
  }

  /** Resolves to the server as `address:port`. */
  async open(): Promise<string> {
    for (;;) {
      this.#tcp.listen(0, '127.0.0.1');
      await once(this.#tcp, 'listening');
      const { port } = this.#tcp.address() as AddressInfo;
      this.#udp = await listenAt(port, (query) => this.#reply(query, 'udp'));
      if (this.#udp !== undefined) return `127.0.0.1:${port}`;
      // Somebody else has the same port by UDP.
      this.#tcp.close();
      await once(this.#tcp, 'close');
    }
  }

  close(): void {
    this.#udp?.close();
    this.#tcp.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const length = pending.readUInt16BE(0);
        const reply = this.#reply(pending.subarray(2, 2 + length), 'tcp');
        pending = pending.subarray(2 + length);
        if (reply !== undefined) socket.write(Buffer.concat([twoBytes(reply.length), reply]));
      }
    });
  }

  #reply(query: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined {
    const { name, type, question } = readQuestion(query);
    this.asked.push(`${name} ${type} ${transport}`);
    const reply = this.#answer(name, type, transport);
    if (reply === 'silence') return undefined;
    const records = typeof reply === 'string' ? [] : reply.filter((record) => record.type === type || record.type === 'CNAME');
    const truncated = reply === 'truncated' ? 0x0200 : 0;
    const code = reply === 'unknown' ? 3 : reply === 'refused' ? 5 : 0;
    const head = [query.subarray(0, 2), ...[0x8180 | truncated | code, 1, records.length, 0, 0].map(twoBytes)];
    return Buffer.concat([...head, question, ...records.map((record) => writeRecord(record, name))]);
  }
}

async function listenAt(port: number, reply: (query: Buffer) => Buffer | undefined): Promise<UdpSocket | undefined> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const answer = reply(query);
    if (answer !== undefined) socket.send(answer, from.port, from.address);
  });
  socket.bind(port, '127.0.0.1');
  try {
    await once(socket, 'listening');
    return socket;
  } catch {
    socket.close();
    return undefined;
  }
}

function readQuestion(query: Buffer): { readonly name: string; readonly type: 'A' | 'AAAA'; readonly question: Buffer } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1) === typeNumbers.AAAA ? 'AAAA' : 'A';
  return { name: labels.join('.'), type, question: query.subarray(12, at + 5) };
}

function writeRecord({ type, value, name, ttl = 60 }: DnsRecord, asked: string): Buffer {
  const data = type === 'CNAME' ? writeName(value) : Buffer.from(addressBytes(value) as Uint8Array);
  const fields = [twoBytes(typeNumbers[type]), twoBytes(1), twoBytes(ttl >>> 16), twoBytes(ttl & 0xffff), twoBytes(data.length)];
  return Buffer.concat([writeName(name ?? asked), ...fields, data]);
}

function writeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...labels, Buffer.of(0)]);
}

function twoBytes(value: number): Buffer {
  return Buffer.of((value >> 8) & 0xff, value & 0xff);
}
