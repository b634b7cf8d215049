import {
  deploymentHealthRoutes,
  gatewayRoutes,
  RELAYED_FORM_BYTES_MAX,
  relayRoutes,
} from './domains/gateway/index.ts';
import { identityRoutes, jwksRoute, signInRoutes } from './domains/identity/index.ts';
import { modelRoutes } from './domains/models/index.ts';
import { usageRoutes } from './domains/usage/index.ts';
import { sendEventStream } from './http/event-stream.ts';
import type { DomainRoutes } from './http/server.ts';
import type { Domains } from './open-domains.ts';
import type { Stores } from './runtime.ts';

const OPENAI_PREFIXES = ['/v1', '/api/v1/llm'];
const MANAGEMENT_PREFIXES = ['/api/v1'];

/** The plugins of the domains and where they are reached. */
export function domainRoutes(domains: Domains, { database }: Stores): DomainRoutes[] {
  const { gateway, models, knowledge, identity, setup, signIn, limits } = domains;
  const { cachedInference: inference, relays, router } = gateway;
  const { catalogue } = models;
  return [
    {
      plugin: (app) => gatewayRoutes(app, { inference, catalogue, sendEventStream }),
      prefixes: OPENAI_PREFIXES,
      rawJsonBodies: true,
    },
    {
      plugin: (app) => relayRoutes(app, { relays, sendEventStream }),
      prefixes: OPENAI_PREFIXES,
      rawJsonBodies: true,
      rawFormMaxBytes: RELAYED_FORM_BYTES_MAX,
    },
    {
      plugin: (app) => modelRoutes(app, { catalogue }),
      prefixes: OPENAI_PREFIXES,
    },
    { plugin: models.routes, prefixes: MANAGEMENT_PREFIXES },
    { plugin: knowledge.routes, prefixes: OPENAI_PREFIXES },
    { plugin: (app) => identityRoutes(app, { identity, setup }), prefixes: MANAGEMENT_PREFIXES },
    { plugin: (app) => signInRoutes(app, { signIn }), prefixes: MANAGEMENT_PREFIXES },
    { plugin: (app) => jwksRoute(app, { signIn }), prefixes: [''] },
    { plugin: (app) => usageRoutes(app, { database }), prefixes: MANAGEMENT_PREFIXES },
    { plugin: limits.routes, prefixes: MANAGEMENT_PREFIXES },
    { plugin: (app) => deploymentHealthRoutes(app, { router }), prefixes: MANAGEMENT_PREFIXES },
  ];
}
