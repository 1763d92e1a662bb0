type JsonObject = Record<string, unknown>;

const text = (description: string, more: JsonObject = {}): JsonObject => ({ type: 'string', description, ...more });

/** An event in the JSON format (CloudEvents 1.0.2), with the position that every delivered event carries. */
export const cloudEventSchema: JsonObject = {
  title: 'CloudEvent',
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: text('Unique within its source.', { minLength: 1 }),
    source: text('Where it happened.', { format: 'uri-reference', minLength: 1 }),
    type: text('What happened.', { minLength: 1 }),
    subject: text('What it happened to.', { minLength: 1 }),
    time: text('When it happened.', { format: 'date-time' }),
    datacontenttype: text('Media type of the data.'),
    dataschema: text('What the data keep to.', { format: 'uri' }),
    data: { description: 'The data, where they are JSON or text.' },
    data_base64: text('The data, where they are bytes.', { contentEncoding: 'base64' }),
    position: text("The event's place on the log; a reader can go on from there."),
  },
  additionalProperties: true,
};

export const batchSchema: JsonObject = { title: 'CloudEvents', type: 'array', items: { $ref: '#/components/schemas/CloudEvent' } };

const header = (name: string, description: string, schema: JsonObject, required = true): JsonObject => ({
  name,
  in: 'header',
  required,
  description,
  schema,
});

/** What comes with every delivery (Standard Webhooks 1.0.0), by the name of its component. */
export const deliveryHeaders: Readonly<Record<string, JsonObject>> = {
  webhookId: header('webhook-id', 'The same for every attempt: what was dealt with is recognised by it.', { type: 'string' }),
  webhookTimestamp: header('webhook-timestamp', 'When this attempt was made, in seconds since 1970.', { type: 'integer' }),
  webhookSignature: header(
    'webhook-signature',
    'Signatures of `id.timestamp.body`, parted by spaces: `v1,` (HMAC-SHA256) or `v1a,` (Ed25519) and base64. One that holds is enough.',
    { type: 'string' },
    false,
  ),
  webhookAttempt: header('webhook-attempt', 'Which attempt this is, from 1.', { type: 'integer', minimum: 1 }, false),
};

export const securitySchemes: JsonObject = {
  webhookSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'webhook-signature',
    description: "Signed with the endpoint's secret, by Standard Webhooks; the receiver checks it.",
  },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: "An application's API key." },
  bearer: { type: 'http', scheme: 'bearer', description: "An application's API key." },
};

export const deliverySecurity = [{ webhookSignature: [] }];

/** What a receiver may answer, and what becomes of it. */
export const deliveryResponses: JsonObject = {
  '2XX': { description: 'Taken; it is not sent again.' },
  '410': { description: 'Nobody is here any more: nothing is sent to this endpoint until it is started again.' },
  '429': {
    description: 'Too much; the endpoint is left alone as long as it asks.',
    headers: { 'Retry-After': { description: 'Seconds, or a date.', schema: { type: 'string' } } },
  },
  default: { description: 'Not taken: it is tried again later. Redirects are not followed.' },
};
