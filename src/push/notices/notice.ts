import type { EventDraft } from '../../core/event.ts';

/** The built-in API that carries notices; one that the configuration gives this name takes its place. */
export const noticeApi = 'sluice';

/** Where the notices of an application go, so that it can be given its own alone. */
export function noticeAddress(application: string): string {
  return `endpoints/${application}`;
}

/**
 * What an endpoint's owner is told. `failing`: it will be stopped if nothing changes. `gone`: its receiver answered 410. `recovered`: a
 * success after it was failing. `started`: somebody started it again. `held`: its breaker has been open for long. `refused`: nothing
 * can be pushed as it is configured. `unverified`: its receiver was asked and did not confirm. `dead-letters`: deliveries were given up.
 */
export const noticeKinds = ['failing', 'stopped', 'gone', 'recovered', 'started', 'held', 'refused', 'unverified', 'dead-letters'] as const;

export type NoticeKind = (typeof noticeKinds)[number];

/** Something an endpoint's owner should know, on its way to the channel of the application. */
export interface Notice {
  /** The same whenever the same thing is told, so that a channel takes it once: endpoint, kind and since when. */
  readonly id: string;
  readonly tenant: string;
  readonly application: string;
  /** Id of the application, which another one of its name does not have. */
  readonly owner: string;
  readonly kind: NoticeKind;
  /** Id of the endpoint. */
  readonly endpoint: string;
  /** Wall time in milliseconds. */
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Its CloudEvents type. */
export function noticeType(kind: NoticeKind): string {
  return `io.sluice.endpoint.${kind}`;
}

export function noticeEvent({ id, application, kind, endpoint, at, data }: Notice): EventDraft {
  return {
    id,
    source: `/sluice/endpoints/${endpoint}`,
    type: noticeType(kind),
    subject: application,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    extensions: {},
    data: Buffer.from(JSON.stringify(data)),
    dataKind: 'json',
  };
}
