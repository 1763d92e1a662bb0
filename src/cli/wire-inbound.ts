import { systemClock } from '../core/clock.ts';
import { InboundDesk } from '../desks/inbound/inbound-desk.ts';
import { ReplayMemory } from '../desks/inbound/replay-memory.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface InboundParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
}

/** What webhooks of other providers come in through; `close` resolves when all that was taken is remembered. */
export interface Inbound {
  readonly desk: InboundDesk;
  close(): Promise<void>;
}

export async function openInbound({ foundation, parts }: InboundParts): Promise<Inbound> {
  const { database, store, sealer } = foundation;
  const { gateway, schedule, onBug } = parts;
  const now = (): number => systemClock.now();
  const replays = await ReplayMemory.open({ database, now, schedule, onBug });
  const desk = new InboundDesk({ store, gateway, open: (sealed) => sealer.open(sealed), replays, now });
  return { desk, close: () => replays.close() };
}
