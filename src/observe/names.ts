/** A metric as it is exported: base units, `_total` on counters, labels with few values. */
export interface MetricName {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Labels whose values people make up, so that there may be any number; those of all others stand in the code. */
export const namedByPeople: ReadonlySet<string> = new Set(['api', 'plan', 'backbone']);

/** Every metric there is. docs/reference/metrics.md is generated from this table. Never a subscription, application, endpoint, reader or address as a label. */
export const metricNames = {
  delivered: {
    name: 'sluice_subscription_delivered_messages_total',
    type: 'counter',
    help: 'Events delivered and billed.',
    labels: ['api', 'plan', 'protocol'],
  },
  deliveredBytes: {
    name: 'sluice_subscription_delivered_size_bytes_total',
    type: 'counter',
    help: 'Payload bytes of the events delivered.',
    labels: ['api', 'plan', 'protocol'],
  },
  published: {
    name: 'sluice_publish_accepted_messages_total',
    type: 'counter',
    help: 'Events accepted, durable and new.',
    labels: ['api', 'plan', 'protocol'],
  },
  publishedBytes: {
    name: 'sluice_publish_accepted_size_bytes_total',
    type: 'counter',
    help: 'Payload bytes of the events accepted.',
    labels: ['api', 'plan', 'protocol'],
  },
  duplicates: {
    name: 'sluice_publish_duplicate_messages_total',
    type: 'counter',
    help: 'Events that repeated a source and id within the window and were not accepted again.',
    labels: ['api', 'protocol'],
  },
  publishDuration: {
    name: 'sluice_publish_duration_seconds',
    type: 'histogram',
    help: 'Time from offering events to their being durable, by event. The sum is worked out from the buckets.',
    labels: ['api'],
  },
  deliveryLatency: {
    name: 'sluice_subscription_delivery_latency_seconds',
    type: 'histogram',
    help: 'Time from acceptance of an event to its being written to a reader, by event and reader. The sum is worked out from the buckets.',
    labels: ['api'],
  },
  refused: {
    name: 'sluice_refused_total',
    type: 'counter',
    help: 'Decisions against clients.',
    labels: ['api', 'protocol', 'stage', 'code'],
  },
  publishRejected: {
    name: 'sluice_publish_rejected_messages_total',
    type: 'counter',
    help: 'Events that were offered and refused.',
    labels: ['api', 'code'],
  },
  limitHits: {
    name: 'sluice_limit_hits_total',
    type: 'counter',
    help: 'Decisions because a limit of the plan was reached.',
    labels: ['api', 'plan', 'kind'],
  },
  connections: {
    name: 'sluice_connection_active',
    type: 'gauge',
    help: 'Connections that are open now.',
    labels: ['api', 'protocol'],
  },
  workerConnections: {
    name: 'sluice_worker_connection_active',
    type: 'gauge',
    help: 'Connections that are open now, by worker; nothing without --workers.',
    labels: ['worker'],
  },
  workerRestarts: {
    name: 'sluice_worker_restarts_total',
    type: 'counter',
    help: 'Workers that ended by themselves and were replaced.',
    labels: ['worker'],
  },
  readers: {
    name: 'sluice_reader_active',
    type: 'gauge',
    help: 'Readers that are connected now.',
    labels: ['api', 'state'],
  },
  backendState: {
    name: 'sluice_backend_state',
    type: 'gauge',
    help: '1 for the state a backbone is in, 0 for the others.',
    labels: ['backbone', 'state'],
  },
  backendRoundtrip: {
    name: 'sluice_backend_roundtrip_duration_seconds',
    type: 'gauge',
    help: 'Round trip of the last probe of a backbone.',
    labels: ['backbone'],
  },
  backendRead: {
    name: 'sluice_backend_read_messages_total',
    type: 'counter',
    help: 'Events read back from the log of a backbone, for pages and for readers that were behind. One read serves all that wait for it.',
    labels: ['backbone'],
  },
  pushAttempts: {
    name: 'sluice_push_attempts_total',
    type: 'counter',
    help: 'Attempts to deliver to endpoints. The outcome is `delivered`, `gone` (410), `abandoned` (at the receiver’s wish), or why it has to be tried again, as `webhook-retry-reason` has it: `server-error`, `timeout`, `connect`, …',
    labels: ['api', 'protocol', 'outcome'],
  },
  pushAttemptDuration: {
    name: 'sluice_push_attempt_duration_seconds',
    type: 'histogram',
    help: 'Time an attempt took, from wanting a connection to the end of the answer or the failure.',
    labels: ['api', 'protocol'],
  },
  pushEnded: {
    name: 'sluice_push_ended_messages_total',
    type: 'counter',
    help: 'Events whose delivery to an endpoint ended: `delivered`, or `dead`, which is a dead letter except in a replay. The lane is `first` for the first attempt, `retry` for a later one, `replay` for what was to be sent once more.',
    labels: ['api', 'protocol', 'lane', 'result'],
  },
  pushEndpoints: {
    name: 'sluice_push_endpoints',
    type: 'gauge',
    help: 'Endpoints by state: `started`, `held` (its breaker is not closed, or its receiver asked for a pause), `failing` (without a success for long), `stopped`, `refused` (nothing can be pushed as it is), `unverified`, `paused`, `opening`. WebSub subscriptions are those of the protocol `websub`.',
    labels: ['api', 'protocol', 'state'],
  },
  pushOwed: {
    name: 'sluice_push_retry_pending_messages',
    type: 'gauge',
    help: 'Events that failed and wait for another attempt, or behind others of their key, by the state of their endpoints; 0 of those that are not delivered to.',
    labels: ['api', 'protocol', 'state'],
  },
  pushOldest: {
    name: 'sluice_push_oldest_untried_seconds',
    type: 'gauge',
    help: 'Age of the oldest event whose first attempt is under way or still to come, by the state of its endpoint; 0 without one. Left out are endpoints that are not delivered to, and events that wait in the order of their endpoint for one that failed.',
    labels: ['api', 'protocol', 'state'],
  },
  pushDeadLetters: {
    name: 'sluice_push_dead_letters',
    type: 'gauge',
    help: 'Dead letters that are kept, by the state of their endpoints; counted once a minute.',
    labels: ['api', 'protocol', 'state'],
  },
  pushDropped: {
    name: 'sluice_push_dead_letters_dropped_total',
    type: 'counter',
    help: 'Dead letters that were kept long enough and are gone.',
    labels: ['api', 'protocol'],
  },
  pushBreakers: {
    name: 'sluice_push_breakers_open',
    type: 'gauge',
    help: 'Circuit breakers that are not closed: of endpoints, and of origins, which all endpoints there share.',
    labels: ['kind'],
  },
  pushUnderWay: {
    name: 'sluice_push_attempts_active',
    type: 'gauge',
    help: 'Attempts under way.',
    labels: [],
  },
  pushSlots: {
    name: 'sluice_push_attempts_active_limit',
    type: 'gauge',
    help: 'Attempts that may be under way at once.',
    labels: [],
  },
  notices: {
    name: 'sluice_push_notices_total',
    type: 'counter',
    help: 'Notices to owners of endpoints that were published.',
    labels: ['kind'],
  },
  websubRequests: {
    name: 'sluice_websub_requests_total',
    type: 'counter',
    help: 'Requests to the hub by their mode, `subscribe`, `unsubscribe`, `publish` or `unknown`, and the status they were answered with; 202 is accepted.',
    labels: ['api', 'mode', 'status'],
  },
  websubPending: {
    name: 'sluice_websub_requests_pending',
    type: 'gauge',
    help: 'Requests the hub accepted and has not settled yet.',
    labels: [],
  },
  websubVerifications: {
    name: 'sluice_websub_verifications_total',
    type: 'counter',
    help: 'Requests the hub has settled: `confirmed`, `not-confirmed` by their callbacks, `denied` by the hub, or `unreachable` until it gave up.',
    labels: ['api', 'mode', 'result'],
  },
  websubExpired: {
    name: 'sluice_websub_leases_expired_total',
    type: 'counter',
    help: 'WebSub subscriptions that ended with their lease.',
    labels: ['api'],
  },
  websubFetches: {
    name: 'sluice_websub_topic_fetches_total',
    type: 'counter',
    help: 'Looks at topics of others after a ping: `published`, `unchanged`, `failed` (and to be tried again) or `given-up` (what came is no content, or cannot be published).',
    labels: ['api', 'result'],
  },
  inboundRequests: {
    name: 'sluice_inbound_requests_total',
    type: 'counter',
    help: 'Webhooks of other providers: `accepted`, `repeated`, `empty` (believed, and of no event), `challenge`, `paused`, or `refused` with a code, that of the signature check or of the error the provider was answered; `NO_SOURCE` where there is none.',
    labels: ['api', 'preset', 'result', 'code'],
  },
  inboundTopics: {
    name: 'sluice_inbound_topic_subscriptions',
    type: 'gauge',
    help: 'Subscriptions of sources at the hubs of others: `subscribed`, `asking` or `failing`.',
    labels: ['state'],
  },
  ledgerCommits: {
    name: 'sluice_usage_commits_total',
    type: 'counter',
    help: 'Commits of the usage ledger, by how they ended.',
    labels: ['outcome'],
  },
  ledgerFailing: {
    name: 'sluice_usage_journal_failing_seconds',
    type: 'gauge',
    help: 'Time since the store stopped taking the usage ledger; 0 when it does.',
    labels: [],
  },
  ledgerResumable: {
    name: 'sluice_usage_resumable_readers',
    type: 'gauge',
    help: 'Closed connections that can be resumed.',
    labels: [],
  },
  refusalsForgone: {
    name: 'sluice_usage_refusals_forgone_total',
    type: 'counter',
    help: 'Decisions that were counted and not kept as rows, because too many came at once.',
    labels: [],
  },
  seriesOverflow: {
    name: 'sluice_analytics_series_overflow_total',
    type: 'counter',
    help: 'Subjects that found no room among the series kept by the second.',
    labels: [],
  },
  labelOverflow: {
    name: 'sluice_metrics_label_overflow_total',
    type: 'counter',
    help: 'Label sets that were counted under "other", because a metric has as many as it may.',
    labels: ['metric'],
  },
} as const satisfies Record<string, MetricName>;

/** Fields of a decision's log line. */
export const decisionFields = {
  event: 'Always `decision`.',
  tenant: 'Whose it is.',
  application: 'Name of the application; absent when the client is not known.',
  subscription: 'Id of the subscription.',
  api: 'Name of the API.',
  plan: 'Name of the plan.',
  protocol: 'What the client speaks.',
  address: 'Channel that was asked for.',
  stage: '`connect`, `publish`, `read` or `deliver`.',
  code: 'Code of the error the client was given.',
  reason: 'The limit, the place in the schema, or another short word.',
  sentence: 'What the client was told.',
  events: 'Events concerned.',
  retryAfter: 'Milliseconds until coming back makes sense.',
  repeats: 'How many more of the same followed within the second; then this is the second line of its kind.',
} as const;

/** Fields whose values are never written to the log, wherever they stand. */
export const secretFields = [
  'authorization',
  'x-api-key',
  'apiKey',
  'password',
  'secret',
  'ticket',
  'token',
  'credential',
  'value',
  'cookie',
] as const;
