import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { openingHint, type AddressGuard } from './address-guard.ts';
import { orEnded } from './deadline.ts';
import type { NameResolver } from './name-resolver.ts';
import { failureOf, OutgoingFailure } from './outgoing-failure.ts';
import type { Phases } from './phases.ts';

interface ConnectorOptions {
  readonly guard: AddressGuard;
  readonly resolver: NameResolver;
}

/** Where to connect to. */
export interface ConnectTarget {
  /** A name in lower case, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** For TLS; without it the connection is plain. */
  readonly secureContext: SecureContext | undefined;
  /** A TLS session of an earlier connection with the same certificates, to make the handshake cheaper. */
  readonly session?: Buffer | undefined;
}

/** A socket nothing has been written to, but a TLS handshake. */
export interface Connected {
  readonly socket: Socket;
  readonly remoteAddress: string;
}

/** Milliseconds one of several addresses gets before the next is tried. */
const attemptMs = 1_000;
/** Addresses of a name that are tried. */
const maxAttempts = 8;

/**
 * Connects to what the guard allows. A name is resolved here, and then only addresses are connected to, so that nobody
 * resolves it again to something else; the address at the other end is judged once more before a byte is written.
 */
export class Connector {
  readonly #guard: AddressGuard;
  readonly #resolver: NameResolver;

  constructor({ guard, resolver }: ConnectorOptions) {
    this.#guard = guard;
    this.#resolver = resolver;
  }

  /** Rejects with an OutgoingFailure (`blocked`, `dns`, `connect`, `tls`, or the signal's), and then leaves no socket behind. */
  async connect(target: ConnectTarget, phases: Phases, signal: AbortSignal): Promise<Connected> {
    const addresses = isIP(target.host) === 0 ? await this.#resolved(target.host, phases, signal) : [target.host];
    for (const address of addresses) this.#refuse(address);
    phases.enter('connect');
    const socket = await connectToOne(addresses.slice(0, maxAttempts), target.port, signal);
    const remoteAddress = socket.remoteAddress;
    try {
      if (remoteAddress === undefined) throw new OutgoingFailure('connect', 'The other side closed the connection at once.');
      this.#refuse(remoteAddress);
      if (target.secureContext === undefined) return { socket, remoteAddress };
      phases.enter('tls');
      return { socket: await secured(socket, target, signal), remoteAddress };
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  #resolved(name: string, phases: Phases, signal: AbortSignal): Promise<readonly string[]> {
    phases.enter('dns');
    return orEnded(this.#resolver.resolve(name), signal);
  }

  #refuse(address: string): void {
    const reason = this.#guard.refusal(address);
    if (reason !== undefined) throw new OutgoingFailure('blocked', `The address is not on the public internet. ${openingHint}`, { reason });
  }
}

async function connectToOne(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  for (const [index, address] of addresses.entries()) {
    const isLast = index === addresses.length - 1;
    const socket = connectTcp({ host: address, port, noDelay: true });
    // Errors are reported by once() here and later by who uses the socket; without a listener one in between would end the process.
    socket.on('error', ignore);
    if (!isLast) socket.setTimeout(attemptMs, () => socket.destroy(attemptOver()));
    try {
      await once(socket, 'connect', { signal });
      return socket.setTimeout(0);
    } catch (error) {
      socket.destroy();
      if (signal.aborted) throw signal.reason as Error;
      if (isLast) throw failureOf(error, 'connect');
    }
  }
  throw new OutgoingFailure('dns', 'There is no host of this name.');
}

async function secured(socket: Socket, { host, secureContext, session }: ConnectTarget, signal: AbortSignal): Promise<Socket> {
  const servername = isIP(host) === 0 ? host : undefined;
  const secure = connectTls({ socket, host, servername, secureContext, session, ALPNProtocols: ['http/1.1'], rejectUnauthorized: true });
  secure.on('error', ignore);
  try {
    await once(secure, 'secureConnect', { signal });
    return secure;
  } catch (error) {
    secure.destroy();
    throw signal.aborted ? (signal.reason as Error) : failureOf(error, 'tls');
  }
}

function attemptOver(): NodeJS.ErrnoException {
  return Object.assign(new Error('no connection within the time of one attempt'), { code: 'ETIMEDOUT' });
}

function ignore(): void {
  // Somebody else listens too.
}
