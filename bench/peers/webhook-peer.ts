import type { Benchmark } from '../harness/benchmark.ts';
import type { CertificateFiles } from '../harness/certificate.ts';
import type { InstrumentOptions } from '../harness/instrument.ts';

/** The endpoints a server is to deliver to: each an address of its own, all on one port. */
export interface EndpointSetup {
  readonly count: number;
  readonly port: number;
  /** Every event is for all of them; else each for one, in turn. */
  readonly isFanOut: boolean;
  /** Of the endpoints, where they speak TLS. */
  readonly certificate?: CertificateFiles | undefined;
}

/** A server that takes events and posts them to endpoints. */
export interface WebhookPeer<Running extends RunningWebhookPeer = RunningWebhookPeer> {
  readonly name: string;
  start(bench: Benchmark, setup: EndpointSetup): Promise<Running>;
}

export interface RunningWebhookPeer {
  readonly version: string;
  /** How the generator publishes. */
  readonly hooks: InstrumentOptions;
  stop(): Promise<void>;
}

/** What every endpoint has, as the generator takes it. */
export function receivers({ count, port, certificate }: EndpointSetup): InstrumentOptions {
  return { n: count, hport: port, base: addressOf(0), cert: certificate?.cert, certkey: certificate?.key };
}

/** Address of an endpoint: all of 127.0.0.0/8 is this machine. */
export function addressOf(endpoint: number): string {
  const place = 0x010001 + endpoint;
  return [127, (place >> 16) & 255, (place >> 8) & 255, place & 255].join('.');
}

/** Where it is delivered to. */
export function urlOf(endpoint: number, { port, certificate }: EndpointSetup): string {
  return `${certificate === undefined ? 'http' : 'https'}://${addressOf(endpoint)}:${port}/hook`;
}
