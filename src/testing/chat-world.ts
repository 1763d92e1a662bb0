import { seededRandom } from './hostile-input.ts';
import { until } from './until.ts';
import { openSluice, type FixtureOptions, type SluiceFixture } from './sluice-fixture.ts';

/** Plans of the chat API, each with an application of the same name that has nothing else. */
const plans = {
  open: '{}',
  tiny: '{ eventCount: { limit: 3, per: month } }',
  steady: '{ eventCount: { limit: 2, per: second } }',
  talker: '{ eventCount: { limit: 2, per: month, counts: publish } }',
  single: '{ connectionCount: { limit: 1 } }',
  brief: '{ duration: { limit: 300ms } }',
  patient: '{ backpressure: { maxBuffered: 64KiB, overflow: pause } }',
  forgetful: '{ backpressure: { maxBuffered: 64KiB, overflow: drop-oldest } }',
  latest: '{ backpressure: { maxBuffered: 256KiB, overflow: conflate } }',
  strict: '{ backpressure: { maxBuffered: 64KiB, overflow: disconnect } }',
} as const;

/** Who uses the chat API: one application per plan, its provider, and one without a subscription. */
export type ChatUser = keyof typeof plans | 'provider' | 'stranger';

/** The API key of a user. */
export function keyOf(user: ChatUser): string {
  return `${user}-key-0123456789abcdef`;
}

const contract = `
asyncapi: 3.0.0
info: { title: Chat, version: 1.0.0 }
channels:
  said:
    address: '{room}/said'
    parameters: { room: {} }
    messages: { said: { name: com.example.said, payload: { type: object } } }
  asked:
    address: '{room}/asked'
    parameters: { room: {} }
    messages: { asked: { name: com.example.asked, payload: { type: object, required: [n] } } }
  both:
    address: '{room}/both'
    parameters: { room: {} }
    messages: { both: { name: com.example.both, payload: { type: object } } }
  raw:
    address: '{room}/raw'
    parameters: { room: {} }
    messages: { raw: { name: com.example.raw } }
operations:
  sendSaid: { action: send, channel: { $ref: '#/channels/said' } }
  receiveAsked: { action: receive, channel: { $ref: '#/channels/asked' } }
  sendBoth: { action: send, channel: { $ref: '#/channels/both' } }
  receiveBoth: { action: receive, channel: { $ref: '#/channels/both' } }
  sendRaw: { action: send, channel: { $ref: '#/channels/raw' } }
`;

const planLines = Object.entries(plans).map(([name, limits]) => `      ${name}: { limits: ${limits} }`);
const userLines = [
  ...Object.keys(plans).map((name) => user(name as ChatUser, `{ api: chat, plan: ${name} }`)),
  user('provider', '{ api: chat, as: provider }'),
  user('stranger', ''),
];

function user(name: ChatUser, subscription: string): string {
  return `  ${name}: { credentials: [{ kind: api-key, value: ${keyOf(name)} }], subscriptions: [${subscription}] }`;
}

/** The configuration of the chat world; `origins` may use it from browsers. */
export function chatConfig(origins: readonly string[] = ['https://allowed.example']): string {
  return `
apis:
  chat:
    contract: ./chat.asyncapi.yaml
    path: /chat
    maxEventBytes: 8MiB
    cors: { origins: [${origins.map((origin) => JSON.stringify(origin)).join(', ')}], maxAge: 10m }
    plans:
${planLines.join('\n')}
applications:
${userLines.join('\n')}
`;
}

/**
 * A Sluice with one API `/chat`: rooms where the provider speaks (`/chat/{room}/said`, with any bytes `/chat/{room}/raw`), where clients ask
 * (`/chat/{room}/asked`), and where both do both (`/chat/{room}/both`).
 */
export function openChat(options: FixtureOptions & { readonly origins?: readonly string[] } = {}): Promise<SluiceFixture> {
  return openSluice(chatConfig(options.origins), { ...options, files: { 'chat.asyncapi.yaml': contract } });
}

/** A CloudEvent as the provider of a room sends it. */
export interface ChatEvent {
  readonly id: string;
  readonly subject?: string;
  readonly type?: string;
  readonly data?: unknown;
}

/** Publishes events as a batch; resolves to their positions once they are durable. */
export async function say(
  world: SluiceFixture,
  path: string,
  events: readonly ChatEvent[],
  as: ChatUser = 'provider',
): Promise<readonly string[]> {
  const body = JSON.stringify(events.map((event) => ({ specversion: '1.0', source: path, type: 'com.example.said', data: {}, ...event })));
  const headers = { 'content-type': 'application/cloudevents-batch+json', authorization: `Bearer ${keyOf(as)}` };
  const response = await fetch(`${world.gateway}${path}`, { method: 'POST', headers, body });
  const answer = (await response.json()) as { positions?: readonly string[] };
  if (response.status !== 202 || answer.positions === undefined)
    throw new Error(`Publishing was answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer.positions;
}

/** Events `1` to `count` with their number as data, the ids led by `prefix`. */
export function numbered(prefix: string, count: number, from = 1): readonly ChatEvent[] {
  return Array.from({ length: count }, (_, index) => ({ id: `${prefix}${from + index}`, data: { n: from + index } }));
}

/** The gateway holds no connection any more; stops the Sluice if it does not let go of them. */
export async function assertNoConnections(world: SluiceFixture): Promise<void> {
  let held = -1;
  try {
    await until(
      async () => (held = await world.connections()) === 0,
      () => `the gateway still holds ${held} connections`,
    );
  } catch (error) {
    await world.stop();
    throw error;
  }
}

/** Text of so many characters that compression makes no shorter than three quarters; always the same. */
export function noise(length: number): string {
  const random = seededRandom(1);
  return Buffer.from(Array.from({ length: Math.ceil((length * 3) / 4) }, () => Math.floor(random() * 256)))
    .toString('base64')
    .slice(0, length);
}
