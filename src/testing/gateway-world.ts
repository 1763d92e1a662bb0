import { openSluice, type FixtureOptions, type SluiceFixture } from './sluice-fixture.ts';

/** Keys of the two applications every world has. */
export const readerKey = 'reader-key-0123456789';
export const serviceKey = 'service-key-0123456789';

/** Where the world's events go and its commands come from: clients read `…/events` and publish to `…/commands`. */
export const contractText = `
asyncapi: 3.0.0
info: { title: World, version: 1.0.0 }
defaultContentType: application/json
channels:
  events: { address: '{room}/events', parameters: { room: {} }, messages: { event: { name: test.event } } }
  commands: { address: '{room}/commands', parameters: { room: {} }, messages: { command: { name: test.command } } }
operations:
  send: { action: send, channel: { $ref: '#/channels/events' } }
  receive: { action: receive, channel: { $ref: '#/channels/commands' } }
`;

export interface WorldOptions {
  /** The plan's limits as flow YAML: `{ eventCount: { … } }`. */
  readonly limits?: string;
  readonly preset?: string;
  /** What the reader's subscription may do, as flow YAML. */
  readonly allow?: string;
  /** Further members of the API, as lines of flow YAML pairs: `retention: { … }`. */
  readonly api?: readonly string[];
  readonly contract?: string;
}

/** A `sluice.yaml` with one API `world` on `/world`, one plan `basic`, a reader under it and the service that provides it. */
export function worldConfig({ limits = '{}', preset, allow = "{ publish: ['*'], read: ['*'] }", api = [] }: WorldOptions = {}): string {
  return `
apis:
  world:
    contract: ./world.yaml
${['path: /world', ...api].map((line) => `    ${line}\n`).join('')}    plans:
      basic: { ${preset === undefined ? '' : `preset: ${preset}, `}limits: ${limits} }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${readerKey} }]
    subscriptions: [{ api: world, plan: basic, allow: ${allow} }]
  service:
    credentials: [{ kind: api-key, value: ${serviceKey} }]
    subscriptions: [{ api: world, as: provider }]
`;
}

export function worldFiles(options: WorldOptions = {}): Readonly<Record<string, string>> {
  return { 'world.yaml': options.contract ?? contractText };
}

export async function openWorld(options: WorldOptions = {}, fixture: FixtureOptions = {}): Promise<SluiceFixture> {
  return openSluice(worldConfig(options), { ...fixture, files: { ...worldFiles(options), ...fixture.files } });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Read by tests, which know what they asked for.
  readonly json: any;
}

let lastId = 0;

/** `count` CloudEvents with ids never used before, numbered in their data. */
export function newEvents(count: number, type = 'test.event'): Record<string, unknown>[] {
  return Array.from({ length: count }, () => ({
    specversion: '1.0',
    id: `e-${(lastId += 1)}`,
    source: '/test',
    type,
    data: { n: lastId },
  }));
}

/** Publishes to a channel; by default as the service, to where the reader reads. */
export async function publish(
  gateway: string,
  events: readonly unknown[],
  { key = serviceKey, channel = 'a/events' } = {},
): Promise<Answer> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/cloudevents-batch+json' };
  return answerOf(await fetch(`${gateway}/world/${channel}`, { method: 'POST', headers, body: JSON.stringify(events) }));
}

/** Publishes as the reader does: commands. */
export function command(gateway: string, count: number): Promise<Answer> {
  return publish(gateway, newEvents(count, 'test.command'), { key: readerKey, channel: 'a/commands' });
}

/** Asks for one page. */
export async function poll(
  gateway: string,
  query = '',
  { key = readerKey, channel = 'a/events', signal = AbortSignal.timeout(60_000) } = {},
): Promise<Answer> {
  return answerOf(await fetch(`${gateway}/world/${channel}${query}`, { headers: { authorization: `Bearer ${key}` }, signal }));
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) };
}
