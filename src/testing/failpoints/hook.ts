import { Webhook } from 'standardwebhooks';
import type { StoredAttempt } from './what-store-knows.ts';

/** One request as it arrived. */
export interface Arrival {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The how-manieth process sent it. */
  readonly life: number;
  /** `performance.now()`. */
  readonly at: number;
}

/** How a receiver answers; `destroy`: it hangs up instead. */
export interface HookAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly delay?: number;
  readonly destroy?: boolean;
}

export interface HookOptions {
  readonly name: string;
  /** Whether its endpoint wants the event of this number. */
  readonly wants?: (n: number) => boolean;
  readonly order?: 'none' | 'per-key' | 'strict';
  /** How often it fails, from 0 to 1. */
  readonly failing?: number;
  /** How often it gives up a message for good, from 0 to 1. */
  readonly aborting?: number;
  readonly random: () => number;
  /** Told of what must not be, as a sentence. */
  readonly onFault: (sentence: string) => void;
}

interface Taken {
  readonly webhookId: string;
  readonly position: string;
  readonly life: number;
  readonly at: number;
}

/** Milliseconds in which what was under way may still arrive, on a machine where a process may stand still for some of them. */
const onItsWay = 10_000;
/** Milliseconds in which a new secret is known where requests are signed. */
const knownWithin = 2000;
const ok: HookAnswer = { status: 204 };

/** One endpoint as its receiver sees it: answers as receivers do, remembers everything, and says what must not have come. */
export class Hook {
  readonly name: string;
  readonly wants: (n: number) => boolean;
  readonly order: 'none' | 'per-key' | 'strict';
  /** Id of the endpoint. */
  id = '';
  requests = 0;
  /** Times something came that was taken before. */
  duplicates = 0;
  /** The next one it would take is answered with 410. */
  isToGo = false;
  /** It takes everything at once. */
  isCalm = false;
  readonly #options: HookOptions;
  readonly #taken = new Map<string, Taken>();
  /** By event, once the store says so. */
  readonly #storedAsDelivered = new Set<string>();
  readonly #lastAttempt = new Map<string, number>();
  /** By key: the highest place that has arrived. */
  readonly #highest = new Map<string, number>();
  /** By replay: what has to come once more, and what has come. */
  readonly #replays = new Map<string, { readonly wanted: readonly string[]; readonly taken: Map<string, Taken> }>();
  /** Secrets that were answered, oldest first. */
  #secrets: { readonly secret: string; readonly since: number }[] = [];
  /** Since when nothing more may come. */
  #ended: { readonly life: number; readonly at: number } | undefined;
  /** When it was last paused, started, changed. */
  #cut = { from: -Infinity, to: -Infinity };

  constructor(options: HookOptions) {
    this.name = options.name;
    this.wants = options.wants ?? (() => true);
    this.order = options.order ?? 'none';
    this.#options = options;
  }

  /** Events it has taken. */
  get taken(): ReadonlyMap<string, unknown> {
    return this.#taken;
  }

  /** Whether it has taken an event and the store knows that. */
  isStored(event: string): boolean {
    return this.#storedAsDelivered.has(event) && this.#taken.has(event);
  }

  /** The newest events it has taken, in the order of the log. */
  newest(count: number): readonly { readonly id: string; readonly position: string }[] {
    const taken = [...this.#taken].map(([id, { position }]) => ({ id, position, place: placeOf(position) }));
    return taken.toSorted((a, b) => a.place - b.place).slice(-count);
  }

  /** These are to come once more with the id of the replay. */
  replays(replay: string, wanted: readonly string[]): void {
    this.#replays.set(replay, { wanted, taken: this.#replays.get(replay)?.taken ?? new Map() });
  }

  /** Events that have not come in the replays they are part of. */
  get notReplayed(): readonly string[] {
    return [...this.#replays].flatMap(([replay, { wanted, taken }]) =>
      wanted.filter((id) => !taken.has(id)).map((id) => `${id} in ${replay}`),
    );
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** What is sent from now on is signed with this one. */
  signedWith(secret: string): void {
    if (this.#secrets.at(-1)?.secret !== secret) this.#secrets = [...this.#secrets.slice(-3), { secret, since: Date.now() }];
  }

  /** Its courier ends or begins anew between the two: what is under way then is sent again. */
  cut(from: number, to: number): void {
    this.#cut = { from, to };
  }

  /** It was deleted, or has answered 410: nothing more may come, but for what was under way in this life. */
  end(life: number, at: number): void {
    this.#ended ??= { life, at };
  }

  /** It is started again. */
  begin(): void {
    this.#ended = undefined;
  }

  /** The process has died and did not know that this one had ended: it may ask again. */
  wasForgotten(): void {
    this.#ended = undefined;
    this.isToGo = true;
  }

  stored({ event, position, attempt, outcome }: StoredAttempt): void {
    const { onFault } = this.#options;
    if (attempt <= (this.#lastAttempt.get(position) ?? 0))
      onFault(`${this.name}: attempt ${attempt} of ${event} is stored after a later one`);
    this.#lastAttempt.set(position, attempt);
    if (outcome !== 'delivered') return;
    if (this.#storedAsDelivered.has(event)) onFault(`${this.name}: ${event} is stored as delivered twice`);
    if (!this.#taken.has(event)) onFault(`${this.name}: ${event} is stored as delivered, and was never taken`);
    this.#storedAsDelivered.add(event);
  }

  arrive(arrival: Arrival): HookAnswer {
    this.requests += 1;
    const { id, subject = '', position, data } = JSON.parse(arrival.body) as EventBody;
    this.#checkSignature(arrival);
    this.#checkEnd(arrival, id);
    if (!this.wants(data.n)) this.#fault(arrival, `${id} came, and is not for it`);
    const replay = arrival.headers['webhook-replay'];
    return replay === undefined ? this.#takeFirst(arrival, { id, subject, position }) : this.#takeAgain(arrival, { id, position }, replay);
  }

  #takeFirst(arrival: Arrival, { id, subject, position }: Pick<EventBody, 'id' | 'position'> & { readonly subject: string }): HookAnswer {
    const key = this.order === 'strict' ? '' : subject;
    const place = placeOf(position);
    const highest = this.#highest.get(key) ?? 0;
    this.#highest.set(key, Math.max(highest, place));
    const before = this.#taken.get(id);
    if (before !== undefined) {
      if (this.#storedAsDelivered.has(id)) this.#fault(arrival, `${id} came again, and the store knew that it was delivered`);
      this.#checkRepetition(arrival, id, before);
    }
    const answer = this.#answer(arrival);
    if (!isTaken(answer)) return answer;
    if (before === undefined && this.order !== 'none' && highest > place)
      this.#fault(arrival, `${id} is taken after a later one of the same key had come`);
    this.#taken.set(id, takenOf(arrival, position));
    return answer;
  }

  #takeAgain(arrival: Arrival, { id, position }: Pick<EventBody, 'id' | 'position'>, replay: string): HookAnswer {
    const first = this.#taken.get(id);
    if (first !== undefined && first.webhookId !== arrival.headers['webhook-id'])
      this.#fault(arrival, `${id} is replayed with another webhook-id`);
    const { wanted, taken } = this.#replays.get(replay) ?? { wanted: [], taken: new Map<string, Taken>() };
    this.#replays.set(replay, { wanted, taken });
    const before = taken.get(id);
    if (before !== undefined) this.#checkRepetition(arrival, id, before);
    const answer = this.#answer(arrival);
    if (isTaken(answer)) taken.set(id, takenOf(arrival, position));
    return answer;
  }

  #answer({ life, at }: Arrival): HookAnswer {
    const { random, failing = 0, aborting = 0 } = this.#options;
    if (this.#ended !== undefined) return { status: 410 };
    if (this.isToGo) {
      this.isToGo = false;
      this.end(life, at);
      return { status: 410 };
    }
    if (this.isCalm) return ok;
    const chance = random();
    if (chance < failing) return chance < failing / 3 ? { ...ok, destroy: true } : { status: 500 };
    if (chance > 1 - aborting) return { status: 400, headers: { 'webhook-delivery': 'abort-message' } };
    return random() < 0.1 ? { ...ok, delay: 20 } : ok;
  }

  #checkEnd(arrival: Arrival, id: string): void {
    const ended = this.#ended;
    if (ended === undefined || (ended.life === arrival.life && arrival.at <= ended.at + onItsWay)) return;
    this.#fault(arrival, `${id} came ${Math.round(arrival.at - ended.at)} ms after nothing more should (life ${ended.life})`);
  }

  #checkRepetition(arrival: Arrival, id: string, before: Taken): void {
    this.duplicates += 1;
    if (before.webhookId !== arrival.headers['webhook-id']) this.#fault(arrival, `${id} came again with another webhook-id`);
    const { from, to } = this.#cut;
    if (before.life !== arrival.life || (before.at >= from - onItsWay && before.at <= to + onItsWay)) return;
    this.#fault(arrival, `${id} came again ${Math.round(arrival.at - before.at)} ms later without a crash`);
  }

  #checkSignature(arrival: Arrival): void {
    if (this.#secrets.length === 0) return;
    const holds = ({ secret }: { readonly secret: string }): boolean => {
      try {
        new Webhook(secret).verify(arrival.body, arrival.headers);
        return true;
      } catch {
        return false;
      }
    };
    if (!this.#secrets.some(holds)) this.#fault(arrival, 'something came that no secret has signed');
    const newest = this.#secrets.at(-1);
    // The timestamp is whole seconds, and what was signed before the change may be on its way.
    const isLater = newest !== undefined && Number(arrival.headers['webhook-timestamp']) * 1000 > newest.since + knownWithin;
    if (isLater && !holds(newest)) this.#fault(arrival, 'something came that the newest secret has not signed');
  }

  #fault({ life }: Arrival, sentence: string): void {
    this.#options.onFault(`${this.name}, life ${life}: ${sentence}`);
  }
}

function isTaken({ status, destroy = false }: HookAnswer): boolean {
  return !destroy && status < 300;
}

function takenOf({ headers, life, at }: Arrival, position: string): Taken {
  return { webhookId: headers['webhook-id'] ?? '', position, life, at };
}

/** A number that grows along the log. */
function placeOf(position: string): number {
  return Number(position.slice(position.lastIndexOf('-') + 1));
}

interface EventBody {
  readonly id: string;
  readonly subject?: string;
  readonly position: string;
  readonly data: { readonly n: number };
}
