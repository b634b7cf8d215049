import type {
  IdentityService,
  KeyDirectory,
  MemberService,
  SetupService,
} from '../../src/domains/identity/index.ts';
import { identityRoutes } from '../../src/domains/identity/index.ts';
import { buildServer, type HttpServer } from '../../src/http/server.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';

/** The real HTTP side with the identity routes alone, not listening. */
export function identityServer(services: {
  directory: KeyDirectory;
  identity: IdentityService;
  setup: SetupService;
  members: MemberService;
  trustedProxies?: readonly string[];
}): Promise<HttpServer> {
  const { directory, identity, setup, members, trustedProxies = [] } = services;
  return buildServer({
    version: '1',
    log: silentLog,
    metrics: createMetrics(),
    authenticate: (key) => directory.authenticate(key),
    health: { results: async () => [] },
    isDraining: () => false,
    completeSetup: (input) => setup.completeSetup(input),
    domains: [
      {
        plugin: (scope) => identityRoutes(scope, { identity, setup, members }),
        prefixes: ['/api/v1'],
      },
    ],
    config: {
      trustedProxies,
      publicUrl: undefined,
      bodyMaxBytes: 65_536,
      fileMaxBytes: 65_536,
    },
  });
}
