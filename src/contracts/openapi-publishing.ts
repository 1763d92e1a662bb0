import type { ChannelParameter, Contract, ContractChannel, ContractMessage } from './contract.ts';

type JsonObject = Record<string, unknown>;

const cloudEvent = { $ref: '#/components/schemas/CloudEvent' };
const batch = { $ref: '#/components/schemas/CloudEventBatch' };

/** Channels that clients publish to, as paths below the API's own. `contentOf` describes the data of a message by media type. */
export function publishPaths(contract: Contract, contentOf: (message: ContractMessage) => JsonObject): JsonObject {
  const paths: JsonObject = {};
  for (const channel of contract.channels) {
    if (!channel.receive || channel.address === undefined) continue;
    const received = channel.messages.filter(({ id }) => channel.receives.length === 0 || channel.receives.includes(id));
    const parameters = channel.parameters.map(pathParameter);
    paths[`/${channel.address}`] = { ...(parameters.length === 0 ? {} : { parameters }), post: operation(channel, received, contentOf) };
  }
  return paths;
}

function operation(
  channel: ContractChannel,
  messages: readonly ContractMessage[],
  contentOf: (message: ContractMessage) => JsonObject,
): JsonObject {
  return {
    operationId: `publish ${channel.id}`.replaceAll(/[^a-zA-Z0-9._-]+/g, '_'),
    summary: channel.title ?? `Publish to ${channel.address}`,
    ...(channel.description === undefined ? {} : { description: channel.description }),
    security: [{ apiKey: [] }, { bearer: [] }],
    requestBody: {
      required: true,
      content: {
        'application/cloudevents+json': { schema: cloudEvent },
        'application/cloudevents-batch+json': { schema: batch },
        ...mergedContent(messages.map(contentOf)),
      },
    },
    responses: {
      '202': {
        description: 'The events are on disk.',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['accepted', 'positions'],
              properties: {
                accepted: { type: 'integer' },
                duplicates: { type: 'integer' },
                positions: { type: 'array', items: { type: 'string' } },
              },
            },
          },
        },
      },
      default: {
        description: 'A problem document (RFC 9457) with a stable `code`.',
        content: { 'application/problem+json': { schema: {} } },
      },
    },
  };
}

/** Messages of one media type are alternatives. */
function mergedContent(contents: readonly JsonObject[]): JsonObject {
  const byType = new Map<string, { readonly schemas: readonly unknown[]; readonly examples: JsonObject }>();
  for (const content of contents) {
    for (const [type, { schema, examples }] of Object.entries(content as Record<string, { schema: unknown; examples?: JsonObject }>)) {
      const known = byType.get(type) ?? { schemas: [], examples: {} };
      byType.set(type, { schemas: [...known.schemas, schema], examples: { ...known.examples, ...examples } });
    }
  }
  return Object.fromEntries(
    [...byType].map(([type, { schemas, examples }]) => [
      type,
      {
        schema: schemas.length === 1 ? schemas[0] : { anyOf: schemas },
        ...(Object.keys(examples).length === 0 ? {} : { examples }),
      },
    ]),
  );
}

function pathParameter(parameter: ChannelParameter): JsonObject {
  const { name, description, type = 'string', minLength, maxLength, minimum, maximum, pattern } = parameter;
  const bounds = { enum: parameter.enum, default: parameter.default, minLength, maxLength, minimum, maximum, pattern };
  const given = Object.entries(bounds).filter(([, value]) => value !== undefined);
  return {
    name,
    in: 'path',
    required: true,
    ...(description === undefined ? {} : { description }),
    schema: { type, ...Object.fromEntries(given) },
  };
}
