import { type FastifyInstance, type FastifySchema, fastify, type RouteOptions } from 'fastify';
import { POLICY, type RouteAccess } from '../domains/identity/index.ts';
import { serializeWithoutSchema } from './serializer.ts';

const ERROR_SCHEMA = {
  type: 'object' as const,
  required: ['error'],
  properties: {
    error: {
      type: 'object' as const,
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' as const },
        type: { type: 'string' as const },
        param: { type: ['string' as const, 'null' as const] },
        code: { type: ['string' as const, 'null' as const] },
      },
    },
  },
};

/** The description of every route, made when it is first asked for. */
export interface RouteDescription {
  document(): Promise<object>;
}

/** Notes every route that is registered after it. */
export function describeRoutes(app: FastifyInstance, version: string): RouteDescription {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD') routes.push(route);
  });
  let made: Promise<object> | undefined;
  return {
    document: () => {
      made ??= describe(routes, version);
      return made;
    },
  };
}

/** On a server of its own that never listens: no start has to load the library and its parsers. */
async function describe(routes: readonly RouteOptions[], version: string): Promise<object> {
  const { default: swagger } = await import('@fastify/swagger');
  const app = fastify({ exposeHeadRoutes: false, schemaController: serializeWithoutSchema });
  app.setValidatorCompiler(() => () => true);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Llamp',
        version,
        description:
          'Self-hosted LLM agent platform. `/v1` follows the OpenAI API; `/api/v1` manages the installation.',
      },
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `sk-llamp-…`' },
        },
        schemas: { Error: ERROR_SCHEMA },
        responses: {
          Error: {
            description: 'What went wrong; docs/errors.md lists the codes.',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
          },
        },
      },
    },
    convertConstToEnum: false,
    transform: ({ schema, url, route }) => ({
      schema: withAccess(schema ?? {}, route.config?.access),
      // A wildcard has no name in OpenAPI.
      url: url.replace(/\*$/, ':name'),
    }),
    transformObject: (document) =>
      'openapiObject' in document ? withErrorResponses(document.openapiObject) : {},
  });
  for (const { method, url, schema, config } of routes) {
    app.route({ method, url, schema: { ...schema }, config, handler: async () => undefined });
  }
  await app.ready();
  return app.swagger();
}

// Every route may fail in the same form.
function withErrorResponses<T extends { paths?: object }>(document: T): T {
  for (const operations of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(operations as Record<string, { responses?: object }>)) {
      operation.responses = {
        ...operation.responses,
        default: { $ref: '#/components/responses/Error' },
      };
    }
  }
  return document;
}

/** `/openapi.json` */
export function serveOpenApi(app: FastifyInstance, description: RouteDescription): void {
  app.get(
    '/openapi.json',
    {
      config: { access: 'public' },
      schema: { summary: 'This description', tags: ['operations'] },
    },
    async (_request, reply) => reply.send(await description.document()),
  );
}

function withAccess(schema: FastifySchema, access: RouteAccess | undefined): FastifySchema {
  if (access === 'public') return { ...schema, security: [] };
  const scopes: string[] = typeof access === 'object' ? [POLICY[access.action].scope] : [];
  const scopeNote = scopes.length > 0 ? `Scope: \`${scopes.join('`, `')}\`.` : 'Any live key.';
  const action = typeof access === 'object' ? { 'x-llamp-action': access.action } : {};
  const description = [schema.description, scopeNote].filter(Boolean).join('\n\n');
  return { ...schema, ...action, description, security: [{ apiKey: scopes }] };
}
