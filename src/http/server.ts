import multipart from '@fastify/multipart';
import { type FastifyInstance, type FastifyPluginAsync, fastify, LogController } from 'fastify';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import { logAccess } from './access-log.ts';
import { type Authenticate, requireAuthentication } from './authentication.ts';
import { type ConnectionDrain, trackConnections } from './connection-drain.ts';
import { answerConnectionErrors, answerUnknownExpectations } from './connection-errors.ts';
import { errorHandler } from './error-response.ts';
import { frameworkLog } from './framework-log.ts';
import { type Health, serveHealth } from './health.ts';
import { acceptJson, acceptRawForms, acceptRawJson } from './json-body.ts';
import { refuseNulInUrls } from './unstorable-text.ts';
import { describeRoutes, serveOpenApi } from './openapi.ts';
import { serveHomePage } from './pages/home-page.ts';
import { type CompleteSetup, serveSetupPage } from './pages/setup-page.ts';
import { parseQueryString } from './query-string.ts';
import { requestIdOf } from './request-id.ts';
import { countRequests, serveMetrics } from './request-metrics.ts';
import { setCommonHeaders } from './response-headers.ts';
import { answerUnknownRoutes } from './unknown-routes.ts';
import { serializeWithoutSchema } from './serializer.ts';
import { compileSchema, formatSchemaErrors } from './validation.ts';

const HEADERS_TIMEOUT_MS = 20_000;
const REQUEST_TIMEOUT_MS = 600_000;
// Above the 60 s for which Nginx keeps its own side open: whoever closes first loses a request that is on its way.
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const HEADERS_MAX_BYTES = 16_384;
const PATH_PARAMETER_MAX_LENGTH = 512;
const UPLOAD_FILES_MAX = 2_000;
const UPLOAD_FIELDS_MAX = 4_000;
const UPLOAD_FIELD_MAX_BYTES = 65_536;

/** One plugin of a domain and the prefixes under which its routes are reached. */
export interface DomainRoutes {
  readonly plugin: FastifyPluginAsync;
  readonly prefixes: readonly string[];
  /** Its JSON bodies arrive as the Buffer that the client sent. */
  readonly rawJsonBodies?: boolean;
  /** Its forms arrive as Buffers too, up to this size. */
  readonly rawFormMaxBytes?: number;
}

export interface ServerOptions {
  readonly version: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly authenticate: Authenticate;
  readonly health: Health;
  readonly isDraining: () => boolean;
  readonly completeSetup: CompleteSetup;
  readonly domains: readonly DomainRoutes[];
  readonly config: {
    readonly trustedProxies: readonly string[];
    readonly publicUrl: string | undefined;
    readonly bodyMaxBytes: number;
    readonly fileMaxBytes: number;
  };
}

export interface HttpServer {
  readonly app: FastifyInstance;
  readonly connections: ConnectionDrain;
}

/** The HTTP side of the application, not listening yet: `await server.app.listen({ host, port })`. */
export async function buildServer(options: ServerOptions): Promise<HttpServer> {
  const app = createApp(options);

  setCommonHeaders(app);
  const connections = trackConnections(app);
  countRequests(app, options.metrics);
  logAccess(app, options.log);
  answerUnknownExpectations(app.server);
  refuseNulInUrls(app);

  acceptJson(app);
  const description = describeRoutes(app, options.version);
  answerUnknownRoutes(app);
  requireAuthentication(app, options.authenticate);

  serveHealth(app, options);
  serveMetrics(app, options.metrics);
  serveOpenApi(app, description);
  serveHomePage(app, { ...options, publicUrl: options.config.publicUrl });
  serveSetupPage(app, options.completeSetup);
  const { fileMaxBytes } = options.config;
  for (const domain of options.domains) registerDomain(app, domain, fileMaxBytes);

  await app.ready();
  return { app, connections };
}

function createApp({ config, log }: ServerOptions): FastifyInstance {
  const handleError = errorHandler(log);
  const app = fastify({
    loggerInstance: frameworkLog(log),
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'http.request.id',
    }),
    genReqId: requestIdOf,
    requestIdHeader: false,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    bodyLimit: config.bodyMaxBytes,
    http: { maxHeaderSize: HEADERS_MAX_BYTES, headersTimeout: HEADERS_TIMEOUT_MS },
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // Streams and uploads may be silent for long; they have limits of their own.
    connectionTimeout: 0,
    maxRequestsPerSocket: 0,
    // Requests that a proxy sent before it noticed the stop are answered, not refused.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      maxParamLength: PATH_PARAMETER_MAX_LENGTH,
      querystringParser: parseQueryString,
    },
    clientErrorHandler: answerConnectionErrors(log),
    frameworkErrors: (error, request, reply) => {
      handleError(error, request, reply);
    },
    schemaErrorFormatter: formatSchemaErrors,
    schemaController: serializeWithoutSchema,
  });
  app.setValidatorCompiler(compileSchema);
  app.setErrorHandler(handleError);
  return app;
}

async function acceptUploads(app: FastifyInstance, fileMaxBytes: number): Promise<void> {
  await app.register(multipart, {
    limits: {
      fileSize: fileMaxBytes,
      files: UPLOAD_FILES_MAX,
      fields: UPLOAD_FIELDS_MAX,
      fieldSize: UPLOAD_FIELD_MAX_BYTES,
    },
  });
}

function registerDomain(app: FastifyInstance, domain: DomainRoutes, fileMaxBytes: number): void {
  for (const prefix of domain.prefixes) {
    app.register(
      async (scope) => {
        if (domain.rawJsonBodies === true) acceptRawJson(scope);
        // Only where files are read: the hooks of the plugin cost every request of its scope two promises.
        else await acceptUploads(scope, fileMaxBytes);
        if (domain.rawFormMaxBytes !== undefined) acceptRawForms(scope, domain.rawFormMaxBytes);
        await scope.register(domain.plugin);
      },
      { prefix },
    );
  }
}
