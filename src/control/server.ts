import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastify from 'fastify';
import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { Insights } from '../metering/insights.ts';
import type { ContractSource, ResourceStore } from '../store/resources.ts';
import type { ContractProblem } from './administration.ts';
import { Administration } from './administration.ts';
import { Authentication } from './auth.ts';
import type { ControlLog } from './control-log.ts';
import { describeRoutes, openApiRoute } from './openapi.ts';
import { problemSchema, refusalFor, sendProblem } from './problems.ts';
import { analyticsRoutes } from './resources/analytics.ts';
import { apiRoutes } from './resources/apis.ts';
import { applicationRoutes } from './resources/applications.ts';
import { auditRoutes } from './resources/audit.ts';
import { configRoutes } from './resources/config.ts';
import { contractRoutes } from './resources/contracts.ts';
import { credentialRoutes } from './resources/credentials.ts';
import { deadLetterRoutes } from './resources/dead-letters.ts';
import { deliveryRoutes } from './resources/deliveries.ts';
import { endpointRoutes } from './resources/endpoints.ts';
import { planRoutes } from './resources/plans.ts';
import { previewRoutes } from './resources/preview.ts';
import { replayRoutes } from './resources/replays.ts';
import { readerRoutes } from './resources/readers.ts';
import { sourceRoutes } from './resources/sources.ts';
import { probeRoutes, statusRoutes } from './resources/status.ts';
import { subscriptionRoutes } from './resources/subscriptions.ts';
import { ticketRoutes } from './resources/tickets.ts';
import { usageRoutes } from './resources/usage.ts';
import { Router } from './router.ts';
import type { Services } from './services.ts';

/** A configuration with its contracts fits; nothing larger is meant. */
const maxBodyBytes = 4 * 1024 * 1024;
const maxHeaderBytes = 16 * 1024;
/** Time to send a whole request: also what a dripping client may hold a connection for. */
const requestTimeout = 30_000;
/** Connections at once: administrators and their programs are few. */
const maxConnections = 1000;
/** Longest segment of a URL: names have 63, ids fewer. */
const maxSegmentLength = 256;

export interface ControlDependencies {
  readonly store: ResourceStore;
  readonly insights: Insights;
  readonly deliveries: Services['deliveries'];
  readonly deadLetters: Services['deadLetters'];
  readonly checkReads: Services['checkReads'];
  readonly topicStatus: Services['topicStatus'];
  readonly previewFilter: Services['previewFilter'];
  readonly clock: Clock;
  readonly adminToken: string;
  readonly checkContract: (source: ContractSource) => Promise<readonly ContractProblem[]>;
  readonly describeContract: Services['describeContract'];
  readonly knownEntrypoints: readonly string[];
  readonly knownBackbones: readonly string[];
  readonly issueTicket: Services['issueTicket'];
  readonly status: Services['status'];
  readonly metrics: Services['metrics'];
  readonly healthy: Services['healthy'];
  readonly ready: Services['ready'];
  readonly log: ControlLog;
  /** Shared with whoever else changes resources, such as the configuration file at start. Default: its own. */
  readonly administration?: Administration;
  /** Shown in the OpenAPI document. */
  readonly version?: string;
}

/** The management API as a server that does not listen yet. */
export function createControl(dependencies: ControlDependencies): FastifyInstance {
  const { log } = dependencies;
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout,
    routerOptions: { maxParamLength: maxSegmentLength },
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: maxHeaderBytes, headersTimeout: requestTimeout, connectionsCheckingInterval: 2000 },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply as unknown as FastifyReply, refusalFor(error)),
    clientErrorHandler: answerBrokenRequest,
  });
  // The router decodes by shapes and answers JSON itself; the schemas are for the OpenAPI document alone.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => (typeof data === 'string' ? data : JSON.stringify(data)));
  acceptJsonOnly(app);
  app.addHook('onSend', async (_request, reply) => {
    void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = refusalFor(thrown);
    if (error.status >= 500)
      log.error({ err: error.cause ?? error, method: request.method, url: request.url, code: error.code }, 'management request failed');
    return sendProblem(reply, error);
  });
  app.server.maxConnections = maxConnections;
  addRoutes(app, dependencies);
  return app;
}

function addRoutes(app: FastifyInstance, dependencies: ControlDependencies): void {
  const auth = new Authentication(dependencies);
  const services: Services = { ...dependencies, administration: dependencies.administration ?? new Administration(dependencies) };
  app.addSchema(problemSchema);
  describeRoutes(app, dependencies.version ?? '1');
  void app.register(async (root) => probeRoutes(new Router(root, auth), services));
  void app.register(
    async (scope) => {
      const router = new Router(scope, auth);
      for (const add of [
        apiRoutes,
        contractRoutes,
        planRoutes,
        applicationRoutes,
        credentialRoutes,
        subscriptionRoutes,
        endpointRoutes,
        previewRoutes,
        deliveryRoutes,
        deadLetterRoutes,
        replayRoutes,
        sourceRoutes,
        readerRoutes,
        analyticsRoutes,
        usageRoutes,
        auditRoutes,
        configRoutes,
        ticketRoutes,
        statusRoutes,
      ])
        add(router, services);
      openApiRoute(router, app);
      scope.setNotFoundHandler((request, reply) => answerUnknown(request, reply, router));
    },
    { prefix: '/api/v1' },
  );
  app.setNotFoundHandler((request, reply) => answerUnknown(request, reply, undefined));
}

/** Says what may be done at a path that exists, and that there is nothing where none does. */
function answerUnknown(request: FastifyRequest, reply: FastifyReply, router: Router | undefined): FastifyReply {
  const path = request.url.split('?', 1)[0]!.slice('/api/v1'.length).split('/');
  const known = [...(router?.methods ?? [])].find(([template]) => {
    const wanted = template.split('/');
    return wanted.length === path.length && wanted.every((segment, index) => segment.startsWith(':') || segment === path[index]);
  });
  if (known === undefined)
    return sendProblem(reply, new GatewayError('NOT_FOUND', 'There is nothing at this URL; GET /api/v1/openapi.json lists what there is.'));
  void reply.header('allow', known[1].join(', '));
  return sendProblem(reply, new GatewayError('METHOD_NOT_ALLOWED', `This URL takes ${known[1].join(', ')}, not ${request.method}.`));
}

/** Bodies are JSON; an absent one is nothing, also when its type is named. Keys that would reach prototypes are refused. */
function acceptJsonOnly(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parse(request, body as string, done);
  });
}

/** What cannot even be read as HTTP gets a problem document too, and then the connection ends. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const problem = brokenRequest(error.code);
  const body = JSON.stringify(problem.toProblem());
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.code}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  else socket.destroy();
}

function brokenRequest(code: string | undefined): GatewayError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new GatewayError('HEADERS_TOO_LARGE', `The head of a request may have ${maxHeaderBytes} bytes.`);
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new GatewayError('REQUEST_TIMEOUT', 'The request did not arrive in time.');
  return new GatewayError('BAD_REQUEST', 'This is not a valid HTTP request.');
}
