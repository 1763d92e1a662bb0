import { refusalToConfirm } from './confirmation.ts';
import { countUpTo, joinFrames, makeBatch, sliceBatch, type Filter } from './batch.ts';
import type { Changes } from './changes.ts';
import type { Sink } from './entrypoint.ts';
import { toGatewayError, type GatewayError } from './errors.ts';
import type { Event, Gap, WireFormat } from './event.ts';
import type { FeedReader, Governor, Group } from './group.ts';
import type { Batch, ReaderAccount } from './meter.ts';
import { Gathering } from './gathering.ts';
import { defaultBound, Outbox } from './outbox.ts';
import { conflationKey, tooSlow } from './overflow.ts';
import type { OutboxBound } from './policy.ts';
import type { Position } from './position.ts';
import type { ReaderParts } from './reader-parts.ts';

type State = 'live' | 'blocked' | 'catching-up' | 'waiting' | 'held' | 'closed';

/** Bytes written at once on the slow path, so that a stalled socket holds little. */
const writeBytes = 64 * 1024;

/**
 * One position moving along a channel towards one sink. `live`: in the feed's cohort, each flush is one write.
 * `blocked`: still in the cohort, its socket is full, events wait in the outbox. `catching-up`: reads the backbone
 * until level with the feed. `waiting`: behind, and its socket is full. `held`: a limit stopped it until a time.
 */
export class LiveReader implements FeedReader {
  readonly #parts: ReaderParts;
  group: Group | undefined = undefined;
  seat = -1;
  changes: Changes | undefined = undefined;
  #governor: Governor;
  #position: Position;
  #state: State = 'waiting';
  #outbox: Outbox | undefined;
  /** The sink has said so, and nothing since: whatever else happens, nothing is read for it meanwhile. */
  #isFull = false;
  #isReading = false;
  #countsAsBehind = false;
  #cancelHold: (() => void) | undefined;
  #heldUntil: number | undefined;
  /** Joined a feed that stands before this reader's position: events up to it are passed over. */
  #passOver: Position | undefined;
  /** Events up to here were charged before this connection. */
  #charged: Position | undefined;
  /** Was given everything its cohort wrote after here. */
  #knownSince: Position;
  /** Dropped and not yet told. */
  #dropped: { readonly after: Position; events: number } | undefined;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    this.#governor = parts.governor;
    this.#position = parts.account.cursor;
    this.#knownSince = this.#position;
    this.#charged = parts.account.charged === parts.account.cursor ? undefined : parts.account.charged;
  }

  get id(): string {
    return this.#parts.account.id;
  }

  /** The last place handed to the sink. */
  get position(): Position {
    return this.group === undefined ? this.#position : this.group.position;
  }

  get account(): ReaderAccount {
    return this.#parts.account;
  }

  get format(): WireFormat {
    return this.#parts.format;
  }

  get governor(): Governor {
    return this.#governor;
  }

  get isLevel(): boolean {
    return this.#state === 'live' && this.#passOver === undefined && this.#charged === undefined;
  }

  get filter(): Filter | undefined {
    return this.#parts.filter;
  }

  get sink(): Sink {
    return this.#parts.sink;
  }

  start(): void {
    void this.#catchUp();
  }

  /** One flush of the feed; `buffer` holds the frames of all its events. */
  take(batch: Batch, buffer: Buffer): void {
    if (this.#passOver !== undefined) this.#takePast(this.#passOver, batch);
    else if (this.#state === 'blocked') this.#queue(batch);
    else this.#deliver(batch, this.#knowsAll(this.changes?.oldestUsed) ? buffer : undefined);
  }

  knows(base: Position): boolean {
    return this.#parts.backbone.compare(base, this.#knownSince) > 0;
  }

  left(position: Position): void {
    this.#position = position;
  }

  block(): void {
    this.#isFull = true;
    this.#parts.feed.single(this);
    this.#blockIfLive();
  }

  /** A bug in what serves this reader: it ends, the others go on. */
  fail(error: unknown): void {
    this.#parts.onBug(error);
    this.end(toGatewayError(error));
  }

  /** The plan changed: limits apply anew from the next event on. */
  govern(governor: Governor): void {
    if (governor === this.#governor) return;
    this.#governor = governor;
    if (this.#outbox !== undefined) this.#outbox.bound = this.#bound;
    if (this.#state === 'live') this.#readOn();
    else if (this.#state === 'held' && !this.#isStillHeld()) this.#resume();
  }

  /** The sink can take more. */
  drained(): void {
    this.#isFull = false;
    if (this.#state === 'blocked') this.#pump();
    else if (this.#state === 'waiting') void this.#catchUp();
  }

  /** Moves a durable reader's cursor; a refusal when the position is not one it was given. */
  confirm(position: string): GatewayError | undefined {
    const refusal = refusalToConfirm(position, this.position, this.#parts.backbone);
    if (refusal === undefined) this.#parts.account.confirm(position as Position);
    return refusal;
  }

  /** The client is gone. */
  close(): void {
    this.#finish(undefined);
  }

  /** Ends the client's connection with a reason it is told. */
  end(reason: GatewayError): void {
    if (this.#state === 'closed') return;
    this.#finish(reason);
    this.#parts.sink.end(reason);
  }

  #deliver(batch: Batch, buffer: Buffer | undefined): void {
    const n = batch.events.length;
    if (n === 0) {
      this.#account(batch);
      return;
    }
    const allowed = this.#governor.allow(n, batch.bytes);
    if (allowed < n) {
      this.#limit(batch, allowed);
      return;
    }
    this.#write(batch, buffer ?? this.#join(batch.events));
  }

  #knowsAll(base: Position | undefined): boolean {
    return base === undefined || this.knows(base);
  }

  #join(events: readonly Event[]): Buffer {
    return this.changes === undefined ? joinFrames(events, this.format) : this.changes.join(events, this.format, this);
  }

  #write(batch: Batch, buffer: Buffer): void {
    const n = batch.events.length;
    this.#governor.delivered(n, batch.bytes);
    this.#account(batch);
    if (this.#parts.sink.write(buffer, n)) return;
    this.#isFull = true;
    if (this.#state === 'catching-up') this.#state = 'waiting';
    else this.#blockIfLive();
  }

  #blockIfLive(): void {
    if (this.#state !== 'live') return;
    this.#state = 'blocked';
    this.#outbox ??= new Outbox(this.#parts.format, this.#bound);
  }

  #account(batch: Batch): void {
    if (batch.conflated) {
      this.#tellGap({ after: this.#position, upTo: batch.position, events: batch.conflated, reason: 'conflated' });
      this.account.drop(batch.conflated, this.#position, 'conflated');
    }
    this.account.charge(batch, this.#charged === undefined ? 0 : this.#countCharged(batch, this.#charged));
    this.#position = batch.position;
  }

  #countCharged(batch: Batch, charged: Position): number {
    const { backbone } = this.#parts;
    const count = countUpTo(batch.events, charged, (a, b) => backbone.compare(a, b));
    if (backbone.compare(batch.position, charged) >= 0) this.#charged = undefined;
    return count;
  }

  #takePast(passOver: Position, batch: Batch): void {
    const { backbone } = this.#parts;
    if (backbone.compare(batch.position, passOver) <= 0) return;
    this.#passOver = undefined;
    const first = batch.events.findIndex((event) => backbone.compare(event.position, passOver) > 0);
    const rest = sliceBatch(batch, first === -1 ? batch.events.length : first, batch.events.length);
    if (this.#state === 'blocked') this.#queue(rest);
    else this.#deliver(rest, undefined);
  }

  /** A limit gives fewer than the batch: the first go out, the cursor stays before the rest. */
  #limit(batch: Batch, allowed: number): void {
    if (allowed > 0) {
      const first = sliceBatch(batch, 0, allowed);
      this.#write(first, this.#join(first.events));
    }
    const answer = this.#governor.limited();
    if (answer === undefined) {
      this.#readOn();
      return;
    }
    this.#parts.onLimited(answer, batch.events.length - allowed);
    if (answer.action === 'disconnect') {
      this.end(answer.error);
      return;
    }
    this.#leaveFeed('held');
    this.#parts.account.state('paused');
    this.#parts.sink.hold?.(answer.error, answer.until);
    this.#heldUntil = answer.until;
    this.#cancelHold = this.#parts.schedule(answer.until, () => this.#resume());
  }

  /** Whether the client would only be told again what it knows. */
  #isStillHeld(): boolean {
    if (this.#governor.allow(1, 0) > 0) return false;
    const answer = this.#governor.limited();
    return answer?.action === 'pause' && answer.until === this.#heldUntil;
  }

  #resume(): void {
    if (this.#state === 'held') this.#readOn();
  }

  /** Goes on from the cursor out of the backbone, once the sink has room. */
  #readOn(): void {
    if (this.#state === 'closed') return;
    this.#leaveFeed('waiting');
    if (!this.#isFull) queueMicrotask(() => void this.#catchUp());
  }

  #queue(batch: Batch): void {
    const outbox = this.#outbox as Outbox;
    outbox.add(batch);
    if (!outbox.isOver()) return;
    const { overflow } = this.#bound;
    if (overflow === 'pause') {
      this.#leaveFeed('waiting');
      this.#parts.account.state('catching-up');
    } else if (overflow === 'disconnect') {
      this.end(tooSlow(outbox.bytes, this.#bound));
    } else {
      this.#knownSince = batch.position;
      this.#shed(outbox, overflow);
    }
  }

  get #bound(): OutboxBound {
    return this.#governor.outbox ?? defaultBound;
  }

  #shed(outbox: Outbox, overflow: 'drop-oldest' | 'conflate'): void {
    const { account } = this.#parts;
    if (overflow === 'conflate') outbox.conflate(conflationKey);
    const forgone = outbox.dropOldest();
    if (forgone === undefined) return;
    this.#dropped ??= { after: this.#position, events: 0 };
    this.#dropped.events += forgone.events;
    account.drop(forgone.events, forgone.upTo, 'dropped');
    this.#position = forgone.upTo;
  }

  /** Writes what waits in the outbox, as long as the socket takes it. */
  #pump(): void {
    const outbox = this.#outbox as Outbox;
    this.#state = 'live';
    this.#tellDropped();
    while (this.#is('live')) {
      const batch = outbox.take(writeBytes);
      if (batch === undefined) break;
      this.#deliver(batch, undefined);
    }
  }

  #tellDropped(): void {
    if (this.#dropped === undefined) return;
    const { after, events } = this.#dropped;
    this.#dropped = undefined;
    this.#tellGap({ after, upTo: this.#position, events, reason: 'dropped' });
  }

  #tellGap(gap: Gap): void {
    const frame = this.format.encodeGap(gap);
    if (frame.length > 0) this.sink.write(frame, 0);
  }

  /** Reads the backbone until level with the feed. Comparison and join happen in one turn, so nothing is lost or seen twice. */
  async #catchUp(): Promise<void> {
    if (this.#isReading || this.#state !== 'waiting') return;
    const { feed, backbone, sink, account, filter, turns } = this.#parts;
    this.#isReading = true;
    this.#isBehind(true);
    this.#state = 'catching-up';
    this.#tellDropped();
    const gathering = filter?.conflation === undefined ? undefined : new Gathering(filter, filter.conflation, this.#position);
    let goal = feed.position;
    try {
      while (this.#state === 'catching-up') {
        if (this.#joinIfLevel()) return;
        account.state('catching-up');
        const slice = await feed.behind.next(gathering?.position ?? this.#position);
        await turns.next();
        if (!this.#is('catching-up')) return;
        const frames = filter === undefined ? slice.frames(this.format) : undefined;
        if (gathering === undefined) this.#deliver(makeBatch(slice.events, slice.position, filter), frames);
        else if (gathering.add(slice) || backbone.compare(slice.position, goal) >= 0) {
          // Not the feed's place by now: where events never stop it would be reached never.
          goal = feed.position;
          this.#deliver(gathering.take(), undefined);
        }
      }
    } catch (error) {
      this.end(toGatewayError(error));
    } finally {
      this.#isReading = false;
      if (this.#is('waiting')) feed.leave(this);
      if (this.#is('waiting') && sink.buffered === 0) queueMicrotask(() => void this.#catchUp());
    }
  }

  /** The state as it is after calls that change it. */
  #is(state: State): boolean {
    return this.#state === state;
  }

  /** A reader that waits for its socket is still behind: what others read meanwhile is kept for it. */
  #isBehind(isBehind: boolean): void {
    if (this.#countsAsBehind === isBehind) return;
    this.#countsAsBehind = isBehind;
    const { behind } = this.#parts.feed;
    if (isBehind) behind.enter();
    else behind.exit();
  }

  #joinIfLevel(): boolean {
    const { feed, backbone, account } = this.#parts;
    const place = feed.placeOf(this);
    if (this.#position !== place) {
      if (backbone.compare(this.#position, place) <= 0) {
        feed.expect(this);
        return false;
      }
      this.#passOver = this.#position;
    }
    this.#isBehind(false);
    this.#state = 'live';
    this.#outbox = undefined;
    this.#knownSince = this.#position;
    account.state('live');
    feed.join(this);
    return true;
  }

  #leaveFeed(state: 'waiting' | 'held' | 'closed'): void {
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    this.#isBehind(false);
    this.#parts.feed.leave(this);
    this.#outbox = undefined;
    this.#state = state;
  }

  #finish(reason: GatewayError | undefined): void {
    if (this.#state === 'closed') return;
    this.#leaveFeed('closed');
    this.#parts.account.close();
    this.#parts.onClosed(reason);
  }
}
