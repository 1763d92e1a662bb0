import { setTimeout as pause } from 'node:timers/promises';
import type { FailpointName } from './failpoint.ts';
import type { Hook } from './hook.ts';
import type { KillWorld } from './kill-world.ts';
import { ageAttempts } from './what-store-knows.ts';

/** Milliseconds within which a person who started an endpoint sees it delivered to. */
const startedWithin = 20_000;
/** Dead letters that make more than the pages a redrive is killed in. */
const manyDead = 40;

/** Attempts that become old in one life: fewer than come, since rows are numbered anew when the newest are deleted. */
const aged = 20;
/** Events a replay goes over, the one after which it begins included. */
const replayed = 12;

/** Makes a Sluice come to the places it does not come to by itself, once in each life. */
export class Provocations {
  readonly #world: KillWorld;
  /** The life in which each was provoked last. */
  readonly #doneIn = new Map<string, number>();
  /** Requests its hook had had when a start was answered that nothing has come of yet. */
  #startedAt: number | undefined;
  #briefs = 0;
  #brief: Hook | undefined;

  constructor(world: KillWorld) {
    this.#world = world;
  }

  /** Called until the process has died; resolves soon after it has. */
  async provoke(at: FailpointName): Promise<void> {
    const [what = ''] = at.split('-');
    if (this.#doneIn.get(what) === this.#world.life) return;
    this.#doneIn.set(what, this.#world.life);
    if (what === 'gone') await this.#go();
    else if (what === 'start') await this.#start();
    else if (what === 'rotation') await this.#rotate();
    else if (what === 'deletion') await this.#delete();
    else if (what === 'redrive') await this.#redrive();
    else if (what === 'replay') await this.#replay();
    else if (what === 'retention') this.#age(what);
  }

  /** Starts the endpoint that has gone, so that it gets what it has missed. */
  async startGone(): Promise<void> {
    const hook = this.#world.hook('gone');
    if (!(await this.#isStopped(hook)) || !this.#world.isAlive) return;
    hook.begin();
    await this.#world.ask('POST', `/endpoints/${hook.id}/start`);
  }

  /** Only what was looked at may go; as long as there is nothing yet, it is tried again. */
  #age(what: string): void {
    const world = this.#world;
    world.takeNote();
    if (world.lastRow === 0) this.#doneIn.delete(what);
    else ageAttempts(world.data, { upTo: world.lastRow, count: aged });
  }

  async #go(): Promise<void> {
    await this.startGone();
    this.#world.hook('gone').isToGo = true;
  }

  async #start(): Promise<void> {
    const world = this.#world;
    const hook = world.hook('gone');
    if (this.#startedAt !== undefined) {
      const deadline = performance.now() + startedWithin;
      while (hook.requests === this.#startedAt && performance.now() < deadline) await pause(20);
      if (hook.requests === this.#startedAt) world.fault(`life ${world.life}: gone was started, and gets nothing after the crash`);
      this.#startedAt = undefined;
    }
    if (!(await this.#isStopped(hook))) hook.isToGo = true;
    while (!(await this.#isStopped(hook))) await pause(20);
    if (!world.isAlive) return;
    hook.begin();
    this.#startedAt = hook.requests;
    await world.ask('POST', `/endpoints/${hook.id}/start`);
  }

  async #rotate(): Promise<void> {
    const world = this.#world;
    const hook = world.hook('plain');
    const path = `/endpoints/${hook.id}`;
    const from = performance.now();
    const answer = await world.ask('POST', `${path}/rotate`, { overlap: '5s' });
    hook.cut(from, performance.now());
    if (answer?.status === 200) hook.signedWith(answer.json.secret);
  }

  async #delete(): Promise<void> {
    const world = this.#world;
    if (this.#brief === undefined || this.#brief.hasEnded)
      this.#brief = await world.addHook({ name: `brief-${(this.#briefs += 1)}`, failing: 0.2 }, {});
    const hook = this.#brief;
    if (hook === undefined) return;
    const before = hook.requests;
    while (world.isAlive && hook.requests === before) await pause(5);
    if (!world.isAlive) return;
    const answer = await world.ask('DELETE', `/endpoints/${hook.id}`);
    if (answer?.status === 204) hook.end(world.life, performance.now());
  }

  async #redrive(): Promise<void> {
    const world = this.#world;
    const { id } = world.hook('dying');
    let dead = 0;
    while (dead < manyDead) {
      const status = await world.ask('GET', `/endpoints/${id}/status`);
      if (status === undefined) return;
      dead = status.json.dead;
      await pause(20);
    }
    await world.ask('POST', `/endpoints/${id}/deliveries/retry`, { state: 'dead', limit: 1000 });
  }

  /** The last events once more, as soon as there is room for another replay. */
  async #replay(): Promise<void> {
    const world = this.#world;
    const hook = world.hook('plain');
    while (world.isAlive && hook.taken.size < replayed) await pause(20);
    const [before, ...events] = hook.newest(replayed);
    const last = events.at(-1);
    if (before === undefined || last === undefined) return;
    const range = { from: before.position, until: last.position };
    let answer = await world.ask('POST', `/endpoints/${hook.id}/replays`, range);
    while (answer?.status === 409) {
      await pause(50);
      answer = await world.ask('POST', `/endpoints/${hook.id}/replays`, range);
    }
    if (answer?.status !== 202) return;
    const wanted = events.map(({ id }) => id);
    hook.replays(answer.json.id, wanted);
  }

  /** Also when there is nobody to ask, so that nobody waits for who is dead. */
  async #isStopped({ id }: Hook): Promise<boolean> {
    const status = await this.#world.ask('GET', `/endpoints/${id}/status`);
    return status === undefined || status.json.state === 'stopped';
  }
}
