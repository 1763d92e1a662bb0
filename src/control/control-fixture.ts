import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { loadContract } from '../contracts/load-contract.ts';
import { ContractError } from '../contracts/problem.ts';
import type { Backbone } from '../core/backbone.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { Position } from '../core/position.ts';
import type { Insights } from '../metering/insights.ts';
import type { ReaderStatus } from '../metering/reader-status.ts';
import { pushMigrations } from '../push/migrations.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import { DeadLetters } from '../push/dead-letters.ts';
import { deadLettersKeptFor } from '../push/dead-letter-retention.ts';
import { DeliveryLog } from '../push/delivery-log.ts';
import { Redrive } from '../push/redrive.ts';
import { ReplayLog } from '../push/replay-log.ts';
import { Replays } from '../push/replays.ts';
import type { Database } from '../store/database.ts';
import { storeMigrations } from '../store/migrations.ts';
import type { ContractSource, ResourceStore } from '../store/resources.ts';
import { Sealer } from '../store/sealed.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { openResourceStore } from '../store/sqlite/resource-store.ts';
import { Administration, type AdministrationParts } from './administration.ts';
import { createControl } from './server.ts';
import type { Services } from './services.ts';

/** Name of an endpoint whose subscription may not read its address any more. */
export const unreadByOwner = 'unread';

export const adminToken = 'test-admin-token-0123456789';

export const ordersContract: ContractSource = {
  name: './orders.asyncapi.yaml',
  text: [
    'asyncapi: 3.0.0',
    'info: { title: Orders, version: 1.0.0 }',
    'channels:',
    '  created:',
    '    address: created',
    '    messages: { OrderCreated: { payload: { type: object } } }',
    'operations:',
    '  publishCreated: { action: send, channel: { $ref: "#/channels/created" } }',
    '',
  ].join('\n'),
  files: {},
};

/** What a test sees of an answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Answers are checked against the OpenAPI document; tests read members freely.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string | undefined;
  readonly ifMatch?: string;
}

/** A control plane on a real port and a real store; every answer is checked against its own OpenAPI document. */
export class ControlFixture {
  readonly url: string;
  readonly store: ResourceStore;
  readonly database: Database;
  readonly administration: Administration;
  readonly clock: { time: number; now(): number };
  /** What the insights were asked. */
  readonly asked: unknown[][];
  readonly logged: unknown[][];
  readonly readers: Map<string, ReaderStatus>;
  readonly #close: () => Promise<void>;
  readonly #answers = new OpenApiAnswers();

  private constructor(
    parts: Pick<ControlFixture, 'url' | 'store' | 'database' | 'administration' | 'clock' | 'asked' | 'logged' | 'readers'>,
    close: () => Promise<void>,
  ) {
    this.url = parts.url;
    this.store = parts.store;
    this.database = parts.database;
    this.administration = parts.administration;
    this.clock = parts.clock;
    this.asked = parts.asked;
    this.logged = parts.logged;
    this.readers = parts.readers;
    this.#close = close;
  }

  static async start({
    checkFilter = () => undefined,
    urlRules,
  }: Pick<AdministrationParts, 'checkFilter' | 'urlRules'> = {}): Promise<ControlFixture> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    const clock = { time: Date.parse('2030-01-01T00:00:00Z'), now: () => clock.time };
    const database = await openDatabase({ folder, migrations: [...storeMigrations, ...meteringMigrations, ...pushMigrations] });
    const store = await openResourceStore(database, clock);
    const asked: unknown[][] = [];
    const logged: unknown[][] = [];
    const readers = new Map<string, ReaderStatus>();
    const offer = { knownEntrypoints: ['publish', 'sse', 'websocket', 'poll', 'webhook'], knownBackbones: ['embedded', 'kafka'] };
    const administration = new Administration({
      store,
      clock,
      checkContract,
      checkFilter,
      ...(urlRules && { urlRules }),
      sealer: new Sealer(Buffer.alloc(32, 1)),
      ...offer,
    });
    const log = {
      info: (...line: unknown[]) => logged.push(line),
      warn: (...line: unknown[]) => logged.push(line),
      error: (...line: unknown[]) => logged.push(line),
    };
    const app = createControl({
      store,
      clock,
      adminToken,
      checkContract,
      administration,
      log,
      ...offer,
      insights: recordingInsights(asked, readers),
      deliveries: deliveriesOf(database, clock),
      deadLetters: new DeadLetters({ ...idle, database, compare: (a, b) => a.localeCompare(b), flush: async () => undefined }),
      checkReads: ({ name }) => {
        if (name === unreadByOwner) throw new GatewayError('FORBIDDEN', 'The subscription may not read there any more.');
      },
      topicStatus: () => undefined,
      previewFilter: async (wish) => {
        asked.push(['previewFilter', wish]);
        return { examined: 0, matched: 0, from: null, to: null, complete: true, examples: [], faults: { events: 0, examples: [] } };
      },
      describeContract: async (source) => ({ channels: (await loadContract(source)).channels.map(({ id }) => ({ id })) }),
      issueTicket: (tenant, credential, api) => ({ ticket: `ticket for ${tenant}/${credential}/${api ?? '*'}`, expiresIn: 30 }),
      status: async () => ({ version: 'test' }),
      metrics: async () => ({ contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8', body: '# EOF\n' }),
      healthy: () => clock.time !== 1,
      ready: () => clock.time > 0,
    });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    return new ControlFixture({ url, store, database, administration, clock, asked, logged, readers }, async () => {
      await app.close();
      await database.close();
      await rm(folder, { recursive: true });
    });
  }

  async stop(): Promise<void> {
    await this.#close();
  }

  /** Path below /api/v1; with `token: undefined` nobody is named. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const token = 'token' in options ? options.token : adminToken;
    const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(options.ifMatch === undefined ? {} : { 'if-match': options.ifMatch }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: body as string }),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const json: unknown = type.includes('json') ? JSON.parse(text) : undefined;
    if (!type.includes('problem')) await this.#answers.check(this.url, { method, path, status: response.status, json });
    else assert.equal((json as { status: number }).status, response.status);
    return { status: response.status, headers: response.headers, text, json };
  }

  /** A call that must succeed with this status. */
  async expect(status: number, method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const reply = await this.call(method, path, options);
    assert.equal(reply.status, status, `${method} ${path}: ${reply.text}`);
    return reply;
  }

  /** A call that must be refused with this code. */
  async refused(code: string, method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const reply = await this.call(method, path, options);
    assert.equal(reply.json?.code, code, `${method} ${path}: ${reply.status} ${reply.text}`);
    assert.equal(reply.headers.get('content-type'), 'application/problem+json');
    return reply;
  }

  /** The orders API with the plans free (auto) and team (manual), and the application dashboard. */
  async seed(): Promise<void> {
    await this.expect(201, 'POST', '/apis', {
      body: { name: 'orders', contract: ordersContract, plans: { free: {}, team: { approval: 'manual' } } },
    });
    await this.expect(201, 'POST', '/applications', { body: { name: 'dashboard' } });
  }
}

async function checkContract(source: ContractSource) {
  try {
    await loadContract(source);
    return [];
  } catch (error) {
    if (error instanceof ContractError) return error.problems;
    throw error;
  }
}

/** Nobody delivers, and everything is on disk. */
const idle = {
  service: { courier: () => undefined, whileSteady: <T>(work: () => Promise<T>) => work() },
  book: { isChanging: () => false },
};

/** Deliveries of a gateway that delivers nothing: what there is was put into the store. */
function deliveriesOf(database: Database, clock: Clock): Services['deliveries'] {
  const redrive = new Redrive({ ...idle, database, now: () => clock.now(), flush: async () => undefined });
  const channel = { log: 'default/orders', address: '*' };
  return {
    log: new DeliveryLog(database),
    redrive,
    replays: new Replays({
      replays: new ReplayLog(database),
      clock,
      channelOf: () => ({ backbone: emptyLog, channel }),
      countDead: (endpoint, before) => redrive.countDead(endpoint, before),
      onChange: async () => undefined,
    }),
    skip: async () => ({ events: 0, given: 0 }),
    verifications: {
      record: () => undefined,
      verify: async () => {
        throw new GatewayError('CONFLICT', 'Nothing is to be verified.');
      },
    },
    courier: () => undefined,
    refusal: () => undefined,
    keptFor: (endpoint) => deadLettersKeptFor(endpoint),
  };
}

/** A log on which nothing was published. */
const emptyLog: Pick<Backbone, 'locate' | 'compare' | 'lag'> = {
  async locate(_channel, from) {
    if (from.at === 'position' && from.position !== 'p0') throw new GatewayError('BAD_REQUEST', 'This is no position of this log.');
    return 'p0' as Position;
  },
  compare: () => 0,
  lag: async () => ({ events: 0, oldest: undefined }),
};

/** Insights of a gateway that nobody uses yet. */
function recordingInsights(asked: unknown[][], readers: Map<string, ReaderStatus>): Insights {
  const answer =
    <T>(word: string, value: T) =>
    async (...query: unknown[]): Promise<T> => {
      asked.push([word, ...query]);
      return value;
    };
  return {
    analytics: answer('analytics', { series: [] }),
    usage: answer('usage', { rows: [] }),
    verify: answer('verify', { ok: true }),
    refusals: answer('refusals', [{ code: 'LIMIT_REACHED' }]),
    async readers(...query) {
      asked.push(['readers', ...query]);
      return { items: [...readers.values()], next: null };
    },
    reader: async (_, id) => readers.get(id),
    forget: async (_, id) => readers.get(id)?.state === 'closed' && readers.delete(id),
    lastUsed: () => undefined,
  };
}

interface OpenApiDocument {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          { readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>> }
        >
      >
    >
  >;
}

/** Holds answers against the schemas that the document gives for them. */
class OpenApiAnswers {
  #document: OpenApiDocument | undefined;
  readonly #checks = new Map<string, ValidateFunction>();
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false });

  async check(
    url: string,
    answer: { readonly method: string; readonly path: string; readonly status: number; readonly json: unknown },
  ): Promise<void> {
    this.#document ??= (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as OpenApiDocument;
    const path = `/api/v1${answer.path.split('?', 1)[0]}`;
    const template = Object.keys(this.#document.paths).find((candidate) => matches(candidate, path, answer.method, this.#document!));
    assert.ok(template, `${answer.method} ${path} is not in the OpenAPI document`);
    const response = this.#document.paths[template]![answer.method.toLowerCase()]!.responses[String(answer.status)];
    assert.ok(response, `${answer.method} ${template} answered ${answer.status}, which the OpenAPI document does not know`);
    const schema = response.content?.['application/json']?.schema;
    if (schema === undefined) return;
    const key = `${answer.method} ${template} ${answer.status}`;
    const validate = this.#checks.get(key) ?? this.#ajv.compile(schema);
    this.#checks.set(key, validate);
    assert.ok(validate(answer.json), `${key}: ${this.#ajv.errorsText(validate.errors)}\n${JSON.stringify(answer.json)}`);
  }
}

function matches(template: string, path: string, method: string, document: OpenApiDocument): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  if (!(method.toLowerCase() in document.paths[template]!) || wanted.length !== given.length) return false;
  return wanted.every((segment, index) => segment === given[index] || (segment.startsWith('{') && !wanted.includes(given[index]!)));
}
