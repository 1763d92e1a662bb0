import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { loadSealer } from '../../control/secret-key.ts';
import { parseConfig } from '../../control/config/parse-config.ts';
import { contractText, publish, readerKey, serviceKey } from '../gateway-world.ts';
import { steadyPort } from '../steady-port.ts';
import { beginLife, type Doom, type Life } from './doomed-life.ts';
import type { FailpointName } from './failpoint.ts';
import { HookServer } from './hook-server.ts';
import { Hook, type HookOptions } from './hook.ts';
import { readLegacy, type Legacy } from './what-store-knows.ts';

const adminToken = 'an-admin-token-for-this-test';
const config = `
apis:
  world: { contract: ./world.yaml, path: /world, plans: { push: { mode: push } } }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${readerKey} }]
    subscriptions: [{ api: world, plan: push }]
  service:
    credentials: [{ kind: api-key, value: ${serviceKey} }]
    subscriptions: [{ api: world, as: provider }]
`;
/** Events that may be acknowledged and not yet delivered in strict order, past which nothing is published. */
const mostBacklog = 300;

/** Milliseconds in which a life comes to its failpoint, on a machine that may be busy with something else. */
const reachedWithin = 60_000;
/** Faults that are kept: one often brings many. */
const mostFaults = 20;

/** What came of the lives that were ended at one failpoint. */
export interface Tally {
  kills: number;
  acknowledged: number;
  requests: number;
  duplicates: number;
  /** Milliseconds from the start of the process after each kill to the first request it made. */
  readonly recoveries: number[];
}

/** Deaths at a failpoint before a folder is opened, each at a random passing up to `most`. */
export interface Opening {
  readonly deaths: number;
  readonly at: FailpointName;
  readonly most: number;
  readonly tally: Tally;
}

export interface ControlAnswer {
  readonly status: number;
  // Read by who knows what they asked for.
  readonly json: any;
}

/** One data folder on which Sluices live and die, with the publisher and the receivers that outlive them. */
export class KillWorld {
  /** What must not be, as sentences. */
  readonly faults: string[] = [];
  readonly server = new HookServer();
  readonly random: () => number;
  /** Numbers of acknowledged events, by id. */
  readonly acknowledged = new Map<string, number>();
  readonly #folder: string;
  #orders: { port: number; controlPort: number } = { port: 0, controlPort: 0 };
  #resolved: Readonly<Record<string, unknown>> | undefined;
  #gateway = '';
  #control = '';
  #subscription = '';
  #life: Life | undefined;
  #isAlive = false;
  #lastRow = 0;
  #published = 0;
  #isOver = false;
  #publishing: Promise<void> | undefined;
  /** What the next first request is the recovery from. */
  #recovering: Tally | undefined;

  private constructor(folder: string, random: () => number) {
    this.#folder = folder;
    this.random = random;
  }

  /** With `opening` it dies so often while it opens its folder for the first time. */
  static async open(random: () => number, opening?: Opening): Promise<KillWorld> {
    const world = new KillWorld(await mkdtemp(join(tmpdir(), 'sluice-')), random);
    try {
      await world.#firstLife(opening);
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  get data(): string {
    return join(this.#folder, 'data');
  }

  /** The last row of attempts that was looked at. */
  get lastRow(): number {
    return this.#lastRow;
  }

  get life(): number {
    return this.server.life;
  }

  /** Whether a process runs that has not died yet. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** What the process that runs, or was the last to, wrote to its log. */
  get log(): string {
    return this.#life?.log() ?? '';
  }

  fault(sentence: string): void {
    if (this.faults.length < mostFaults) this.faults.push(sentence);
  }

  hook(name: string): Hook {
    const hook = this.server.hooks.get(name);
    if (hook === undefined) throw new Error(`There is no hook ${name}.`);
    return hook;
  }

  /** Makes an endpoint and its receiver; undefined when the process died meanwhile. */
  async addHook(options: Omit<HookOptions, 'random' | 'onFault'>, settings: object): Promise<Hook | undefined> {
    const hook = new Hook({ ...options, random: this.random, onFault: (sentence) => this.fault(sentence) });
    this.server.hooks.set(hook.name, hook);
    const answer = await this.ask('POST', '/endpoints', {
      subscription: this.#subscription,
      name: hook.name,
      address: '*/events',
      url: this.server.url(hook.name),
      order: hook.order,
      timeout: '10s',
      retry: Array.from({ length: 49 }, () => '100ms'),
      ...settings,
    });
    if (answer === undefined) return undefined;
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.json));
    hook.id = answer.json.id;
    return hook;
  }

  /** Begins to publish, in all lives until `finish`. */
  startPublishing(): void {
    this.#publishing = this.#publish();
  }

  /** A life that ends at the failpoint; `provoke` is called until it has. Rejects when it ends elsewhere, or does not. */
  async die(doom: Doom, tally: Tally, provoke: () => Promise<void>): Promise<void> {
    const before = this.#counts();
    const life = this.#begin(doom);
    const { death } = life;
    const provoking = (async () => {
      await life.ready;
      while (this.isAlive) {
        await provoke();
        await pause(5);
      }
    })();
    const late = new AbortController();
    const place = await Promise.race([death, pause(reachedWithin, 'nowhere', { signal: late.signal })]);
    late.abort();
    life.kill();
    await death;
    await provoking;
    if (place !== doom.at) throw new Error(`It was to die at passing ${doom.passings} of ${doom.at}, and did at ${place}:\n${life.log()}`);
    await this.#bury(tally);
    const after = this.#counts();
    tally.kills += 1;
    tally.acknowledged += after.acknowledged - before.acknowledged;
    tally.requests += after.requests - before.requests;
    tally.duplicates += after.duplicates - before.duplicates;
  }

  async #firstLife(opening: Opening | undefined): Promise<void> {
    await this.server.listen();
    this.#orders = { port: await steadyPort(), controlPort: await steadyPort() };
    const readFile = (): Promise<string> => Promise.resolve(contractText);
    const parsed = await parseConfig(config, { name: 'sluice.yaml', env: {}, readFile, baseFolder: this.#folder });
    this.#resolved = parsed.config;
    for (let death = 0; death < (opening?.deaths ?? 0); death += 1) await this.#dieOpening(opening!);
    await this.live();
    const { json } = await this.expect('GET', '/subscriptions?application=reader');
    this.#subscription = json.items[0].id;
  }

  async #dieOpening({ at, most, tally }: Opening): Promise<void> {
    const life = this.#begin({ at, passings: 1 + Math.floor(this.random() * most) });
    await life.ready;
    life.kill();
    const place = await life.death;
    if (place !== at) throw new Error(`It was to die at ${at}, and did at ${place}:\n${life.log()}`);
    tally.kills += 1;
  }

  /** A life that does not end by itself. */
  async live(): Promise<void> {
    const life = this.#begin(undefined);
    if ((await life.ready) === undefined) throw new Error(`It does not start:\n${life.log()}`);
  }

  async kill(): Promise<Legacy> {
    this.#life?.kill();
    await this.#life?.death;
    return await this.#bury(undefined);
  }

  /** Looks at what came to the store since the last time. */
  takeNote(): Legacy {
    const legacy = readLegacy(this.data, this.#lastRow);
    const byId = new Map([...this.server.hooks.values()].map((hook) => [hook.id, hook]));
    for (const attempt of legacy.attempts) byId.get(attempt.endpoint)?.stored(attempt);
    this.#lastRow = legacy.attempts.at(-1)?.row ?? this.#lastRow;
    return legacy;
  }

  /** Resolves once everything is published that was begun. */
  async stopPublishing(): Promise<void> {
    this.#isOver = true;
    await this.#publishing;
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#life?.kill();
    await this.#life?.death;
    this.server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Undefined when the process died before it answered. */
  async ask(method: string, path: string, body?: object): Promise<ControlAnswer | undefined> {
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json', 'if-match': '*' };
    try {
      const response = await fetch(`${this.#control}/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      const text = await response.text();
      return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
    } catch {
      return undefined;
    }
  }

  async expect(method: string, path: string, body?: object): Promise<ControlAnswer> {
    const answer = await this.ask(method, path, body);
    if (answer === undefined || answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  #begin(doom: Doom | undefined): Life {
    this.server.life += 1;
    this.server.firstAt = undefined;
    const life = beginLife({ data: this.data, ...this.#orders, adminToken, config: this.#resolved }, doom);
    this.#life = life;
    this.#isAlive = true;
    void life.death.then(() => (this.#isAlive = false));
    void life.ready.then((urls) => {
      if (urls === undefined || life !== this.#life) return;
      this.#gateway = urls.gateway;
      this.#control = urls.control;
      this.#resolved = undefined;
    });
    return life;
  }

  /** Takes note of what the dead process has left. */
  async #bury(tally: Tally | undefined): Promise<Legacy> {
    await this.server.quiet();
    const { firstAt } = this.server;
    if (firstAt !== undefined && this.#life !== undefined) this.#recovering?.recoveries.push(firstAt - this.#life.startedAt);
    this.#recovering = tally;
    const legacy = this.takeNote();
    const sealer = await loadSealer(this.data, {});
    for (const hook of this.server.hooks.values()) {
      // Whether a rotation that was not answered has taken place, only the store knows.
      const sealed = legacy.secrets.get(hook.id);
      if (sealed !== undefined) hook.signedWith(sealer.open(sealed));
      if (hook.id !== '' && !legacy.endpoints.has(hook.id)) hook.end(this.life, -Infinity);
      else if (hook.hasEnded && !legacy.stopped.has(hook.id)) {
        const isKnown = legacy.attempts.some(({ endpoint, status }) => endpoint === hook.id && status === 410);
        if (isKnown) this.fault(`${hook.name}, life ${this.life}: a 410 is on disk, and the endpoint is not stopped`);
        hook.wasForgotten();
      }
    }
    return legacy;
  }

  /** As a careful client does: what was not acknowledged is sent again. */
  async #publish(): Promise<void> {
    while (!this.#isOver) {
      const events = Array.from({ length: 1 + Math.floor(this.random() * 3) }, () => {
        const n = (this.#published += 1);
        return { specversion: '1.0', id: `e${n}`, source: '/kill', type: 'test.event', subject: `k${n % 6}`, data: { n } };
      });
      for (;;) {
        const answer = await publish(this.#gateway, events).catch(() => undefined);
        if (answer?.status === 202) break;
        if (answer !== undefined && answer.status !== 503)
          this.fault(`publishing was answered with ${answer.status}: ${JSON.stringify(answer.json)}`);
        await pause(10);
      }
      for (const { id, data } of events) this.acknowledged.set(id, data.n);
      await pause(this.#backlog() > mostBacklog ? 100 : 12);
    }
  }

  #backlog(): number {
    const strict = this.server.hooks.get('strict');
    return strict === undefined ? 0 : this.acknowledged.size - strict.taken.size;
  }

  #counts(): { readonly acknowledged: number; readonly requests: number; readonly duplicates: number } {
    const hooks = [...this.server.hooks.values()];
    const sum = (of: (hook: Hook) => number): number => hooks.reduce((total, hook) => total + of(hook), 0);
    return { acknowledged: this.acknowledged.size, requests: sum((hook) => hook.requests), duplicates: sum((hook) => hook.duplicates) };
  }
}
