import type { Backbone } from '../core/backbone.ts';
import type { Batch, ReaderAccount } from '../core/meter.ts';
import type { DeliveryWindow } from './delivery-window.ts';

interface Moving {
  readonly account: ReaderAccount;
  readonly backbone: Pick<Backbone, 'compare'>;
  /** The cursor has passed this. */
  readonly onPassed?: (batch: Batch) => void;
}

/** Moves a reader's cursor as far as its window is settled, and charges it; what may not be read is nobody's bill and in no count. */
export function moveCursor(window: DeliveryWindow, moving: Moving): void {
  do passHidden(window, moving);
  while (passSettled(window, moving));
}

/** Its books show that something was skipped there, and not how much. */
function passHidden(window: DeliveryWindow, { account, onPassed }: Moving): void {
  const position = window.skipHidden();
  if (position === undefined) return;
  account.confirm(position);
  onPassed?.({ events: [], bytes: 0, position, filtered: 0 });
}

/** False: the cursor stays where it is. */
function passSettled(window: DeliveryWindow, { account, backbone, onPassed }: Moving): boolean {
  const { charged } = account;
  const batch = window.advance();
  if (batch === undefined) return false;
  const redelivered = batch.events.filter((event) => backbone.compare(event.position, charged) <= 0).length;
  account.charge(batch, redelivered);
  account.confirm(batch.position);
  onPassed?.(batch);
  return true;
}
