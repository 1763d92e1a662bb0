import { systemClock } from '../core/clock.ts';
import type { EndpointHealth } from '../push/endpoint-health.ts';
import { HeldWatch } from '../push/notices/held-watch.ts';
import { NoticePublisher, type NoticePublisherParts } from '../push/notices/notice-publisher.ts';
import { noticeAddress, noticeApi } from '../push/notices/notice.ts';
import { Notices } from '../push/notices/notices.ts';
import type { PushListener } from '../push/push-listener.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface NoticesParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  /** How an endpoint does that is delivered to. */
  readonly healthOf: (endpoint: string) => EndpointHealth | undefined;
}

/** Tells owners of endpoints what becomes of them, on the channel of their application. */
export interface NoticeTeller extends Pick<PushListener, 'moved' | 'refused'> {
  close(): Promise<void>;
}

export function openNotices({ foundation, parts, healthOf }: NoticesParts): NoticeTeller {
  const { database, store, pushBook, noticeBook, metrics } = foundation;
  const { catalogue, schedule, onBug } = parts;
  const clock = systemClock;
  const notices = new Notices({ store, book: noticeBook, clock, healthOf });
  const isThere = (application: string, owner: string): boolean => store.get('application', application)?.id === owner;
  const channelOf = (application: string) => {
    const api = catalogue.api(noticeApi);
    const address = noticeAddress(application);
    // One of the configuration may be about anything.
    if (api?.contract.find(address)?.send !== true) return undefined;
    return { backbone: api.backbone, channel: { log: api.log, address } };
  };
  const onPublished: NoticePublisherParts['onPublished'] = (published) => {
    for (const { kind } of published) metrics.counter('notices', kind).value += 1;
  };
  const publisher = new NoticePublisher({ database, clock, schedule, isThere, channelOf, onPublished, onBug });
  pushBook.watch((record) => notices.attempted(record));
  noticeBook.watch(() => publisher.wake());
  catalogue.onChange(() => publisher.wake());
  const watch = new HeldWatch({
    endpoints: () => store.list('endpoint'),
    healthOf,
    clock,
    schedule,
    onHeld: (endpoint, since) => notices.held(endpoint, since),
  });
  publisher.wake();
  return {
    moved: (endpoint, transition) => notices.moved(endpoint, transition),
    refused: (endpoint, error) => notices.refused(endpoint, error),
    close: async () => {
      watch.close();
      await publisher.close();
    },
  };
}
