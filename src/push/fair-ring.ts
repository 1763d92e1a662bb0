import type { Clock } from '../core/clock.ts';
import { lanes, laneShares, LaneTurns } from './lane-turns.ts';
import type { Lane } from './lane-turns.ts';
import { Competition, SlotAccount } from './slot-account.ts';
import type { Holding } from './slot-account.ts';

/** Leave to make one attempt; ends with `release`. */
export interface Slot<E> {
  readonly endpoint: E;
  readonly lane: Lane;
}

interface FairRingOptions {
  /** Attempts under way at once, of all endpoints together. */
  readonly maxSlots?: number;
  /** The part of all slots one endpoint may have while others wait. */
  readonly endpointShare?: number;
  /** The part of all slots one tenant may have while others wait. */
  readonly tenantShare?: number;
}

/**
 * Who may send next. Tenants share the slots evenly, and so do the endpoints within each, by the time they hold them: an attempt under
 * way counts for as long as attempts there take on average, or for longer once it takes longer (start-time fair queueing, which is as
 * fair as deficit round robin without its rounds of those in debt). Over its share of the slots an endpoint or a lane goes on only
 * while nobody waits within his, and leaves an eighth of all free for who comes then; a tenant over its share a sixteenth. Each
 * decision costs O(log n), and who has nothing ready costs nothing.
 */
export class FairRing<E extends object> {
  readonly #clock: Clock;
  readonly #members = new Map<E, Member<E>>();
  readonly #tenants = new Map<string, Tenant<E>>();
  readonly #competition = new Competition<Tenant<E>>();
  readonly #laneTurns = new LaneTurns();
  readonly #laneHeld: Record<Lane, number> = { first: 0, retry: 0, replay: 0 };
  readonly #maxSlots: number;
  readonly #memberCap: number;
  readonly #tenantCap: number;
  #held = 0;
  #order = 0;

  constructor(clock: Clock, { maxSlots = 1_024, endpointShare = 0.05, tenantShare = 0.25 }: FairRingOptions = {}) {
    this.#clock = clock;
    this.#maxSlots = Math.max(1, maxSlots);
    this.#memberCap = Math.max(1, Math.floor(this.#maxSlots * endpointShare));
    this.#tenantCap = Math.max(1, Math.floor(this.#maxSlots * tenantShare));
  }

  /** Slots taken and not released. */
  get held(): number {
    return this.#held;
  }

  /** Slots there are. */
  get slots(): number {
    return this.#maxSlots;
  }

  /** Makes an endpoint known, with nothing ready. Throws when it is known already. */
  add(endpoint: E, tenantName: string): void {
    if (this.#members.has(endpoint)) throw new Error('An endpoint is added to the ring twice.');
    const tenant = this.#tenants.get(tenantName) ?? new Tenant(tenantName, this.#competition);
    this.#tenants.set(tenantName, tenant);
    tenant.members += 1;
    this.#members.set(endpoint, new Member(endpoint, tenant));
  }

  /** Forgets an endpoint, if it is known; slots it still has are released as ever. */
  remove(endpoint: E): void {
    const member = this.#members.get(endpoint);
    if (member === undefined) return;
    member.offer({}, 0);
    this.#rank(member);
    this.#members.delete(endpoint);
    member.tenant.members -= 1;
    this.#forgetTenant(member.tenant);
  }

  /**
   * Says how many deliveries an endpoint has ready in each lane, in place of what it said before, and how many attempts it may have
   * under way. One that is paused or whose breaker is open has nothing ready.
   */
  offer(endpoint: E, ready: Readonly<Partial<Record<Lane, number>>>, windowAttempts: number): void {
    const member = this.#members.get(endpoint);
    if (member === undefined) throw new Error('An endpoint that is not in the ring offers deliveries.');
    member.offer(ready, windowAttempts);
    this.#rank(member);
  }

  /** The next one to send, which is under way from now on and one less to be ready; undefined when nobody may have a slot now. */
  take(): Slot<E> | undefined {
    const excesses = lanes.map((lane) => this.#excessOf(lane));
    const least = Math.min(...excesses);
    if (least === Infinity || this.#held >= this.#slotsFor(least)) return undefined;
    const lane = this.#laneTurns.next(lanes.filter((_, index) => excesses[index] === least));
    const member = lane && this.#competition.waiting[lane].first?.of.competition.waiting[lane].first?.of;
    if (lane === undefined || member === undefined) return undefined;
    this.#competition.advance();
    member.tenant.competition.advance();
    const slot = new HeldSlot(member, lane, this.#clock.now());
    member.ready[lane] -= 1;
    this.#laneHeld[lane] += 1;
    this.#held += 1;
    member.slots.begin(slot);
    member.tenant.slots.begin(slot);
    this.#rank(member);
    return slot;
  }

  /** Gives a slot back when its attempt is over. Throws when it is not held. */
  release(slot: Slot<E>): void {
    if (!(slot instanceof HeldSlot) || !slot.isHeld) throw new Error('A slot is released that is not held.');
    const { member, lane } = slot as HeldSlot<E>;
    const now = this.#clock.now();
    slot.isHeld = false;
    this.#laneHeld[lane] -= 1;
    this.#held -= 1;
    member.slots.end(slot, now);
    member.tenant.slots.end(slot, now);
    this.#rank(member);
    this.#forgetTenant(member.tenant);
  }

  /** 0 within its share, 1 over its tenant's, 2 over its endpoint's or the lane's; Infinity where nobody waits. */
  #excessOf(lane: Lane): number {
    const next = this.#competition.waiting[lane].first;
    if (next === undefined) return Infinity;
    return this.#laneHeld[lane] >= Math.max(1, Math.floor(this.#maxSlots * laneShares[lane])) ? 2 : next.excess;
  }

  /** How many slots may be taken by who has this excess. */
  #slotsFor(excess: number): number {
    if (excess === 0) return this.#maxSlots;
    return this.#maxSlots - Math.floor(this.#maxSlots / (excess === 1 ? 16 : 8));
  }

  #rank(member: Member<E>): void {
    const now = this.#clock.now();
    this.#order += 1;
    member.rank(this.#order, now, this.#memberCap);
    member.tenant.rank(this.#order, now, this.#tenantCap);
  }

  #forgetTenant(tenant: Tenant<E>): void {
    if (tenant.members === 0 && tenant.slots.held === 0) this.#tenants.delete(tenant.name);
  }
}

class Tenant<E> {
  readonly name: string;
  readonly competition = new Competition<Member<E>>();
  readonly slots: SlotAccount<Tenant<E>>;
  members = 0;

  constructor(name: string, competition: Competition<Tenant<E>>) {
    this.name = name;
    this.slots = new SlotAccount<Tenant<E>>(this, competition);
  }

  rank(order: number, now: number, cap: number): void {
    const excess = this.slots.held >= cap ? 1 : 0;
    this.slots.rank(order, now, (lane) => {
      const next = this.competition.waiting[lane].first;
      return next && Math.max(next.excess, excess);
    });
  }
}

class Member<E> {
  readonly endpoint: E;
  readonly tenant: Tenant<E>;
  readonly slots: SlotAccount<Member<E>>;
  readonly ready: Record<Lane, number> = { first: 0, retry: 0, replay: 0 };
  #window = 0;

  constructor(endpoint: E, tenant: Tenant<E>) {
    this.endpoint = endpoint;
    this.tenant = tenant;
    this.slots = new SlotAccount<Member<E>>(this, tenant.competition);
  }

  offer(ready: Readonly<Partial<Record<Lane, number>>>, windowAttempts: number): void {
    for (const lane of lanes) this.ready[lane] = ready[lane] ?? 0;
    this.#window = windowAttempts;
  }

  rank(order: number, now: number, cap: number): void {
    const { held } = this.slots;
    const excess = held >= cap ? 2 : 0;
    this.slots.rank(order, now, (lane) => (this.ready[lane] > 0 && held < this.#window ? excess : undefined));
  }
}

class HeldSlot<E> implements Slot<E>, Holding {
  readonly endpoint: E;
  readonly lane: Lane;
  readonly member: Member<E>;
  readonly startedAt: number;
  readonly charged: number;
  isHeld = true;

  constructor(member: Member<E>, lane: Lane, now: number) {
    this.endpoint = member.endpoint;
    this.lane = lane;
    this.member = member;
    this.startedAt = now;
    this.charged = member.slots.expected;
  }
}
