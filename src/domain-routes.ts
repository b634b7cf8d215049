import type { FastifyPluginAsync } from 'fastify';
import {
  deploymentHealthRoutes,
  gatewayRoutes,
  RELAYED_FORM_BYTES_MAX,
  relayRoutes,
} from './domains/gateway/index.ts';
import { identityRoutes, jwksRoute } from './domains/identity/index.ts';
import { modelRoutes } from './domains/models/index.ts';
import { doctorRoutes, type ServerDoctor } from './domains/ops/doctor/index.ts';
import { usageRoutes } from './domains/usage/index.ts';
import { sendEventStream } from './http/event-stream.ts';
import { accountPages } from './http/pages/account-pages.ts';
import type { DomainRoutes } from './http/server.ts';
import type { ServerBackups } from './open-backup.ts';
import type { Domains } from './open-domains.ts';
import type { Stores } from './runtime.ts';

const OPENAI_PREFIXES = ['/v1', '/api/v1/llm'];
const MANAGEMENT_PREFIXES = ['/api/v1'];

/** The plugins of the domains and where they are reached. */
export function domainRoutes(
  domains: Domains,
  { database }: Stores,
  operations: { doctor: Pick<ServerDoctor, 'report'>; backups: Pick<ServerBackups, 'routes'> },
): DomainRoutes[] {
  const { gateway, models, knowledge, limits, guardrails, audit } = domains;
  const { identity, setup, members, people, signIn } = domains;
  const { doctor, backups } = operations;
  const { clientInference: inference, relays, router } = gateway;
  const { catalogue } = models;
  const management = (plugin: FastifyPluginAsync): DomainRoutes => ({
    plugin: audit.watched(plugin),
    prefixes: MANAGEMENT_PREFIXES,
  });
  return [
    {
      plugin: audit.watched((app) => gatewayRoutes(app, { inference, catalogue, sendEventStream })),
      prefixes: OPENAI_PREFIXES,
      rawJsonBodies: true,
    },
    {
      plugin: audit.watched((app) => relayRoutes(app, { relays, sendEventStream })),
      prefixes: OPENAI_PREFIXES,
      rawJsonBodies: true,
      rawFormMaxBytes: RELAYED_FORM_BYTES_MAX,
    },
    {
      plugin: audit.watched((app) => modelRoutes(app, { catalogue })),
      prefixes: OPENAI_PREFIXES,
    },
    management(models.routes),
    { plugin: audit.watched(knowledge.routes), prefixes: OPENAI_PREFIXES },
    management((app) => identityRoutes(app, { identity, setup, members })),
    management(people.routes),
    { plugin: (app) => accountPages(app, people), prefixes: [''] },
    { plugin: (app) => jwksRoute(app, { signIn }), prefixes: [''] },
    management((app) => usageRoutes(app, { database })),
    management(limits.routes),
    management((app) => deploymentHealthRoutes(app, { router })),
    management(guardrails.routes),
    management(audit.routes),
    management((app) => doctorRoutes(app, { doctor })),
    management(backups.routes),
  ];
}
