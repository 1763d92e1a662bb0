import type { Contract, ContractChannel, ContractMessage } from './contract.ts';
import {
  batchSchema,
  cloudEventSchema,
  deliveryHeaders,
  deliveryResponses,
  deliverySecurity,
  securitySchemes,
} from './openapi-delivery.ts';
import { publishPaths } from './openapi-publishing.ts';
import { ComponentSchemas } from './openapi-schemas.ts';

type JsonObject = Record<string, unknown>;

/** An OpenAPI 3.1 document of an API: what is delivered to webhooks, one entry for each type of event, and what can be published. */
export function openApiDocument(contract: Contract): JsonObject {
  const schemas = new ComponentSchemas();
  schemas.add('CloudEvent', cloudEventSchema);
  schemas.add('CloudEventBatch', batchSchema);
  const { title, version, description } = contract;
  const webhooks = webhooksOf(contract, schemas);
  const paths = publishPaths(contract, (message) => dataContent(message, schemas));
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: { title, version, ...(description === undefined ? {} : { description }) },
    ...(Object.keys(paths).length === 0 ? {} : { paths }),
    webhooks,
    components: { schemas: schemas.all, parameters: deliveryHeaders, securitySchemes },
  };
}

function webhooksOf(contract: Contract, schemas: ComponentSchemas): JsonObject {
  const webhooks = new Map<string, JsonObject>();
  for (const channel of contract.channels) {
    if (!channel.send || channel.address === undefined) continue;
    for (const message of channel.messages) {
      const [type] = message.types;
      if (type === undefined || (channel.sends.length > 0 && !channel.sends.includes(message.id))) continue;
      // Braces would make it a path with parameters.
      const name = webhooks.has(type) ? `${type} (${channel.id.replaceAll(/[{}]/g, '')})` : type;
      webhooks.set(name, { post: operation(name, type, { channel, message, schemas }) });
    }
  }
  return Object.fromEntries(webhooks);
}

interface Webhook {
  readonly channel: ContractChannel;
  readonly message: ContractMessage;
  readonly schemas: ComponentSchemas;
}

function operation(name: string, type: string, { channel, message, schemas }: Webhook): JsonObject {
  const envelope = schemas.add(`${name}.event`.replaceAll(/[^a-zA-Z0-9._-]+/g, '_'), {
    allOf: [
      { $ref: '#/components/schemas/CloudEvent' },
      { type: 'object', properties: { type: { const: type }, ...dataProperty(message, schemas) } },
    ],
  });
  const description = [message.description, `From the channel \`${channel.address}\`.`].filter((text) => text !== undefined).join('\n\n');
  return {
    operationId: `receive ${name}`.replaceAll(/[^a-zA-Z0-9._-]+/g, '_'),
    summary: message.title ?? message.name ?? type,
    description,
    ...(message.tags.length === 0 ? {} : { tags: [...message.tags] }),
    security: deliverySecurity,
    parameters: Object.keys(deliveryHeaders).map((header) => ({ $ref: `#/components/parameters/${header}` })),
    requestBody: {
      required: true,
      description:
        'As the endpoint wants it: a CloudEvent as JSON, several of them, or the data alone, with the attributes in headers or without.',
      content: {
        'application/cloudevents+json': { schema: envelope },
        'application/cloudevents-batch+json': { schema: { type: 'array', minItems: 1, items: envelope } },
        ...dataContent(message, schemas),
      },
    },
    responses: deliveryResponses,
  };
}

/** The member `data` of the envelope; binary data are in `data_base64`, of which a schema says nothing. */
function dataProperty(message: ContractMessage, schemas: ComponentSchemas): JsonObject {
  const data = message.payload === undefined ? undefined : schemas.refer(message.payload, `${message.id}.data`);
  return data === undefined ? {} : { data };
}

/** The data as the body of a request. */
function dataContent(message: ContractMessage, schemas: ComponentSchemas): JsonObject {
  const { payload, contentType = 'application/json' } = message;
  const schema = (payload && schemas.refer(payload, `${message.id}.data`)) ?? {};
  const examples = Object.fromEntries(
    message.examples.flatMap(({ name, payload: value, hasPayload }, index) =>
      hasPayload ? [[name ?? `example${index + 1}`, { value }]] : [],
    ),
  );
  return { [contentType]: { schema, ...(Object.keys(examples).length === 0 ? {} : { examples }) } };
}
