import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { AddressGuard } from './address-guard.ts';
import { DnsResponder, type DnsReply } from './dns-fixture.ts';
import { HttpSender } from './http-sender.ts';
import { NameResolver } from './name-resolver.ts';

/** A server for tests that knows the sockets it has. */
export class Receiver {
  /** Connections taken so far. */
  accepted = 0;
  readonly open = new Set<Socket>();
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(server: Server, scheme: string) {
    this.#server = server;
    this.#scheme = scheme;
    server.on('connection', (socket) => {
      this.accepted += 1;
      this.open.add(socket);
      socket.on('close', () => this.open.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  /** Speaks HTTP, with `tls` HTTPS. */
  static http(listener: RequestListener, tls?: TlsOptions): Receiver {
    return tls === undefined
      ? new Receiver(createHttpServer(listener), 'http')
      : new Receiver(createHttpsServer({ ...tls }, listener), 'https');
  }

  /** Hands out the bare socket, with `tls` after the handshake. */
  static raw(onSocket: (socket: Socket) => void, tls?: TlsOptions): Receiver {
    const withListener = (socket: Socket): void => {
      socket.on('error', () => undefined);
      onSocket(socket);
      // Who reads nothing is never told that the other side has gone.
      socket.resume();
    };
    return tls === undefined ? new Receiver(createServer(withListener), 'http') : new Receiver(createTlsServer(tls, withListener), 'https');
  }

  async listen(address = '127.0.0.1', port = 0): Promise<this> {
    this.#server.listen(port, address);
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(host = '127.0.0.1', path = '/hook'): string {
    return `${this.#scheme}://${host}:${this.port}${path}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.open) socket.destroy();
  }
}

interface Wish extends Partial<ConstructorParameters<typeof HttpSender>[0]> {
  /** What the operator opened; all of 127.0.0.0/8 when left out. */
  readonly opened?: readonly string[];
  readonly answer?: (name: string, type: 'A' | 'AAAA') => DnsReply;
  readonly clock?: { readonly now: () => number };
}

/** A sender with a name server of its own, and what closes both. */
export async function openSender({ opened = ['127.0.0.0/8'], answer = () => 'unknown', clock = Date, ...options }: Wish = {}): Promise<{
  readonly sender: HttpSender;
  readonly dns: DnsResponder;
  readonly close: () => void;
}> {
  const dns = new DnsResponder(answer);
  const guard = new AddressGuard(opened);
  const resolver = new NameResolver({ guard, clock, servers: [await dns.open()] });
  const sender = new HttpSender({ guard, resolver, ...options });
  const close = (): void => {
    sender.close();
    resolver.close();
    dns.close();
  };
  return { sender, dns, close };
}
