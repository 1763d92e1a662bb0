import type { WireFormat } from '../core/event.ts';
import type { Policy } from '../core/policy.ts';
import type { EntrypointEnvironment } from '../entrypoints/environment.ts';
import { PollEntrypoint } from '../entrypoints/poll/poll.ts';
import { PublishEntrypoint } from '../entrypoints/publish/publish.ts';
import { plainSse, typedSse } from '../entrypoints/sse/format.ts';
import { SseEntrypoint } from '../entrypoints/sse/sse.ts';
import { cloudEventsDialect, sluiceDialect } from '../entrypoints/websocket/dialect.ts';
import { WebSocketEntrypoint } from '../entrypoints/websocket/websocket.ts';
import { WebSubEntrypoint } from '../entrypoints/websub/websub.ts';
import { apiKey } from '../policies/api-key/api-key.ts';
import { backpressure } from '../policies/backpressure/backpressure.ts';
import { channelScope } from '../policies/channel-scope/channel-scope.ts';
import { connectionCount } from '../policies/connection-count/connection-count.ts';
import { duration } from '../policies/duration/duration.ts';
import { eventCount } from '../policies/event-count/event-count.ts';
import { flush } from '../policies/flush/flush.ts';
import { webhookProtocol } from './source-access.ts';

/** Every protocol clients can speak. On one URL the first that accepts a request answers it, so the order matters: poll takes what is left. */
export const entrypoints: Readonly<Record<string, (environment: EntrypointEnvironment) => unknown>> = {
  publish: (environment) => new PublishEntrypoint(environment),
  sse: (environment) => new SseEntrypoint(environment),
  websocket: (environment) => new WebSocketEntrypoint(environment),
  websub: (environment) => new WebSubEntrypoint(environment),
  poll: (environment) => new PollEntrypoint(environment),
};

/** All that an API may name among its entrypoints: those, and what comes in at a desk. */
export const entrypointNames: readonly string[] = [...Object.keys(entrypoints), webhookProtocol];

/** Every way in which events are written to a client's socket: a sink's format is one of these. */
export const wireFormats: readonly WireFormat[] = [
  plainSse,
  typedSse,
  cloudEventsDialect.format,
  cloudEventsDialect.deflatedFormat,
  sluiceDialect.format,
  sluiceDialect.deflatedFormat,
];

/** Every kind of rule a plan may hold. */
export const policies: readonly Policy<never>[] = [apiKey, channelScope, eventCount, connectionCount, duration, backpressure, flush];

/** Every kind of place where events can live. */
export const backboneKinds: readonly string[] = ['embedded'];
