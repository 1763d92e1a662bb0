/** The victim's API keys, by the environment variable that brings each into its configuration. */
export const keys = {
  CLIENT_KEY: 'client-key-5b7e0a41c2',
  PROVIDER_KEY: 'provider-key-93d8f17be0',
  NEIGHBOUR_KEY: 'neighbour-key-0f6a2d95c7',
  NEIGHBOUR_SERVICE_KEY: 'neighbour-service-key-b81c',
  STRANGER_KEY: 'stranger-key-4c90e6d3a8',
  PAUSED_KEY: 'paused-key-77e1b2c0d9',
  NARROW_KEY: 'narrow-key-1a2b3c4d5e',
  EXPIRED_KEY: 'expired-key-6f7a8b9c0d',
} as const;

/** Data of a command: what every word of the schema is there to refuse. */
export const contractText = `
asyncapi: 3.0.0
info: { title: Shop, version: 1.0.0 }
defaultContentType: application/json
channels:
  events: { address: '{room}/events', parameters: { room: {} }, messages: { event: { name: test.event } } }
  commands: { address: '{room}/commands', parameters: { room: {} }, messages: { command: { $ref: '#/components/messages/command' } } }
  mixed:
    address: '{room}/mixed'
    parameters: { room: { enum: [a, b] } }
    messages: { command: { $ref: '#/components/messages/command' }, other: { name: test.other } }
operations:
  send: { action: send, channel: { $ref: '#/channels/events' } }
  receive: { action: receive, channel: { $ref: '#/channels/commands' } }
  receiveMixed: { action: receive, channel: { $ref: '#/channels/mixed' } }
components:
  messages:
    command:
      name: test.command
      payload:
        type: object
        additionalProperties: false
        required: [n]
        properties:
          n: { type: integer, minimum: 0, maximum: 1000 }
          note: { type: string, maxLength: 20, pattern: '^(a+)+$' }
          tags: { type: array, maxItems: 5000, uniqueItems: true, items: { type: integer } }
          inner: { type: object, propertyNames: { pattern: '^[a-z]+$' } }
`;

export const configText = `
apis:
  shop:
    contract: ./shop.yaml
    maxEventBytes: 256KiB
    retention: { bytes: 16MiB }
    plans:
      open: { limits: { backpressure: { maxBuffered: 256KiB, overflow: pause } } }
      approved: { approval: manual }
  blocked: { contract: ./shop.yaml, path: /blocked, lifecycle: blocked }
  retired: { contract: ./shop.yaml, path: /retired, lifecycle: retired }
  only-poll: { contract: ./shop.yaml, entrypoints: [poll], plans: { open: {} } }
applications:
  client:
    credentials:
      - { kind: api-key, value: '\${env:CLIENT_KEY}' }
      - { kind: api-key, value: '\${env:EXPIRED_KEY}', expiresAt: 2020-01-01T00:00:00Z }
    subscriptions: [{ api: shop, plan: open }, { api: only-poll, plan: open }]
  provider:
    credentials: [{ kind: api-key, value: '\${env:PROVIDER_KEY}' }]
    subscriptions: [{ api: shop, as: provider }]
  neighbour:
    credentials: [{ kind: api-key, value: '\${env:NEIGHBOUR_KEY}' }]
    subscriptions: [{ api: shop, plan: open }]
  neighbour-service:
    credentials: [{ kind: api-key, value: '\${env:NEIGHBOUR_SERVICE_KEY}' }]
    subscriptions: [{ api: shop, as: provider }]
  stranger:
    credentials: [{ kind: api-key, value: '\${env:STRANGER_KEY}' }]
  paused:
    credentials: [{ kind: api-key, value: '\${env:PAUSED_KEY}' }]
    subscriptions: [{ api: shop, plan: open, state: paused }]
  narrow:
    credentials: [{ kind: api-key, value: '\${env:NARROW_KEY}' }]
    subscriptions: [{ api: shop, plan: open, allow: { publish: [b/commands], read: [b/events] } }]
`;
