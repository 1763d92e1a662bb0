import type { Services } from '../control/services.ts';
import { systemClock } from '../core/clock.ts';
import { InboundCounts } from '../desks/inbound/inbound-counts.ts';
import { InboundDesk } from '../desks/inbound/inbound-desk.ts';
import { ReplayMemory } from '../desks/inbound/replay-memory.ts';
import { TopicSubscriber } from '../desks/inbound/topic-subscriber.ts';
import { InboundTopicTable } from '../desks/inbound/topic-table.ts';
import type { Log } from '../observe/log.ts';
import type { Push } from './wire-push.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface InboundParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  readonly push: Pick<Push, 'send'>;
  readonly log: Log;
}

/** What webhooks of other providers come in through. */
export interface Inbound {
  readonly desk: InboundDesk;
  readonly topicStatus: Services['topicStatus'];
  /** Subscribes at hubs from now on, to be called at this origin. */
  start(origin: string): Promise<void>;
  /** Resolves when all that was taken is remembered. */
  close(): Promise<void>;
}

export async function openInbound({ foundation, parts, push, log }: InboundParts): Promise<Inbound> {
  const { database, store, sealer, metrics } = foundation;
  const { gateway, schedule, onBug } = parts;
  const now = (): number => systemClock.now();
  const open = (sealed: string): string => sealer.open(sealed);
  const ownersOf = (source: string): readonly string[] => {
    const { tenant = '', parent = '' } = store.byId('source', source) ?? {};
    return [tenant, parent];
  };
  const replays = await ReplayMemory.open({ database, now, schedule, onBug, ownersOf });
  const table = new InboundTopicTable(database);
  const topics = new TopicSubscriber({ store, table, send: push.send, open, now, random: Math.random, schedule, log, onBug });
  const counts = new InboundCounts(metrics);
  counts.show(topics);
  const desk = new InboundDesk({ store, gateway, open, replays, topics, now, counts });
  return {
    desk,
    topicStatus: (source) => topics.status(source),
    start: (origin) => topics.start(origin),
    close: async () => {
      await topics.close();
      await replays.close();
    },
  };
}
