import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { CallRouter, DeploymentState } from './call-router.ts';

/** How deployments are, as this instance sees them; register it under `/api/v1`. */
export async function deploymentHealthRoutes(
  app: FastifyInstance,
  services: { router: CallRouter },
): Promise<void> {
  app.get(
    '/deployments/health',
    {
      config: { access: { action: 'models.read' } },
      schema: { summary: 'List the health of deployments', tags: ['models'] },
    },
    async () => ({ object: 'list', data: services.router.deployments().map(healthObject) }),
  );
}

function healthObject(state: DeploymentState) {
  const { deployment } = state;
  return {
    object: 'deployment.health',
    id: deployment.id,
    name: deployment.name,
    provider: deployment.provider,
    state: state.state,
    reason: state.reason,
    retry_in_ms: Math.ceil(state.retryInMs),
    open_calls: state.openCalls,
    first_token_ms: rounded(state.firstTokenMs),
    answer_ms: rounded(state.answerMs),
  };
}

const rounded = (durationMs: number | undefined) =>
  durationMs === undefined ? null : Math.round(durationMs);
