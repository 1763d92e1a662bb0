import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GatewayError } from '../core/errors.ts';
import type { Resource } from '../store/resources.ts';
import { refusalOf } from './administration.ts';
import type { Authentication, Caller, Presented } from './auth.ts';
import type { Decoded, Fields, JsonSchema, Shape } from './config/shape.ts';
import { decode, object } from './config/shape.ts';

/** One answer of a route, for the OpenAPI document. */
export interface AnswerSchema {
  readonly description: string;
  readonly schema?: JsonSchema;
  /** Default: application/json. */
  readonly contentType?: string;
}

export interface Answer {
  /** Default 200. */
  readonly status?: number;
  /** Text is sent as it is, everything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Access = 'admin' | 'owner' | 'application' | 'open';

/** A request whose parts have been checked. */
export interface Call<P extends Fields, Q extends Fields, B> {
  readonly params: Decoded<P>;
  readonly query: Decoded<Q>;
  readonly body: B;
  readonly ifMatch: string | undefined;
  /** Who asks, as the audit names it. */
  readonly actor: string;
  /** Where access is `application`, or `owner` and the caller is no administrator. */
  readonly application: Resource<'application'> | undefined;
  /** The key the application came with. */
  readonly credential: Resource<'credential'> | undefined;
}

export interface Route<P extends Fields, Q extends Fields, B> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `:name` stands for a parameter. */
  readonly path: string;
  /** The operationId: what it does in one word. */
  readonly operation: string;
  readonly tag: string;
  readonly summary: string;
  /** Who may: administrators unless said otherwise. `owner`: administrators, and applications as far as it is theirs. */
  readonly access?: Access;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: Shape<B>;
  readonly precondition?: 'required' | 'optional';
  readonly answers: Readonly<Record<number, AnswerSchema>>;
  handle(call: Call<P, Q, B>): Answer | Promise<Answer>;
}

type None = Readonly<Record<never, never>>;

/** Puts routes on the server: each is authenticated first, then decoded by its shapes, then handled. */
export class Router {
  readonly #app: FastifyInstance;
  readonly #auth: Authentication;
  /** Methods by path, for those who ask with another one. */
  readonly methods = new Map<string, string[]>();

  constructor(app: FastifyInstance, auth: Authentication) {
    this.#app = app;
    this.#auth = auth;
  }

  add<P extends Fields = None, Q extends Fields = None, B = undefined>(route: Route<P, Q, B>): void {
    const params = object(route.params ?? ({} as P));
    const query = object(route.query ?? ({} as Q));
    const callers = new WeakMap<FastifyRequest, Caller | undefined>();
    this.methods.set(route.path, [...(this.methods.get(route.path) ?? []), route.method]);
    this.#app.route({
      method: route.method,
      url: route.path,
      schema: documentation(route, params, query),
      // Before the body is read: strangers cannot make us take megabytes.
      onRequest: async (request) => {
        callers.set(request, this.#authenticate(route.access ?? 'admin', request));
      },
      handler: async (request, reply) => {
        const { application, credential } = callers.get(request) ?? {};
        const answer = await route.handle({
          params: decoded(params, request.params),
          query: decoded(query, request.query),
          body: route.body === undefined ? (undefined as B) : decoded(route.body, request.body ?? {}),
          ifMatch: request.headers['if-match'],
          actor: application === undefined ? 'admin' : `application:${application.name}`,
          application,
          credential,
        });
        for (const [name, value] of Object.entries(answer.headers ?? {})) void reply.header(name, value);
        void reply.code(answer.status ?? 200);
        if (answer.body === undefined) return await reply.send();
        if (!reply.hasHeader('content-type')) void reply.type('application/json');
        // Bytes, since Fastify would add a charset to the type of a text, and JSON has none.
        return await reply.send(Buffer.from(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)));
      },
    });
  }

  #authenticate(access: Access, request: FastifyRequest): Caller | undefined {
    if (access === 'admin') this.#auth.requireAdmin(presented(request));
    if (access === 'owner') return this.#auth.requireOwner(presented(request));
    return access === 'application' ? this.#auth.requireApplication(presented(request)) : undefined;
  }
}

function presented(request: FastifyRequest): Presented {
  const apiKey = request.headers['x-api-key'];
  return { authorization: request.headers.authorization, apiKey: typeof apiKey === 'string' ? apiKey : undefined, remote: request.ip };
}

function decoded<T>(shape: Shape<T>, value: unknown): T {
  const { value: result, problems } = decode(shape, value, 'body');
  if (problems.length > 0) throw refusalOf('BAD_REQUEST', problems);
  return result;
}

const refusals = { content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } } };

function documentation<P extends Fields, Q extends Fields, B>(
  route: Route<P, Q, B>,
  params: Shape<unknown>,
  query: Shape<unknown>,
): Record<string, unknown> {
  const answers = Object.entries(route.answers).map(([status, { description, schema, contentType = 'application/json' }]) => [
    status,
    schema === undefined ? { description, type: 'null' } : { description, content: { [contentType]: { schema } } },
  ]);
  const application = [{ apiKey: [] }, { applicationToken: [] }];
  const security = { admin: [{ adminToken: [] }], owner: [{ adminToken: [] }, ...application], application, open: [] };
  return {
    operationId: route.operation,
    summary: route.summary,
    tags: [route.tag],
    security: security[route.access ?? 'admin'],
    ...(route.params === undefined ? {} : { params: params.schema('body') }),
    ...(route.query === undefined ? {} : { querystring: query.schema('body') }),
    ...(route.body === undefined ? {} : { body: route.body.schema('body') }),
    ...(route.precondition === undefined ? {} : { headers: ifMatchSchema(route.precondition) }),
    response: {
      ...Object.fromEntries(answers),
      '4xx': { description: 'Refused: the code says why.', ...refusals },
      '5xx': { description: 'Failed here.', ...refusals },
    },
  };
}

function ifMatchSchema(precondition: 'required' | 'optional'): JsonSchema {
  const description = 'The ETag of the version this change is meant for, or * for any.';
  return {
    type: 'object',
    properties: { 'if-match': { type: 'string', description } },
    ...(precondition === 'required' ? { required: ['if-match'] } : {}),
  };
}

/** What is not there. */
export function notFound(what: string, name: string): GatewayError {
  return new GatewayError('NOT_FOUND', `There is no ${what} ${name}.`);
}
