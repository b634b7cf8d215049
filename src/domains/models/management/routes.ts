import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { DeploymentService } from './deployment-service.ts';
import { deploymentRoutes } from './deployment-routes.ts';
import { configuredModelRoutes } from './model-routes.ts';
import type { ModelService } from './model-service.ts';
import { type ProviderRouteServices, providerRoutes } from './provider-routes.ts';

export interface ModelManagement extends ProviderRouteServices {
  readonly deployments: DeploymentService;
  readonly models: ModelService;
}

/** Providers, deployments and models; register it under `/api/v1`. */
export async function modelManagementRoutes(
  app: FastifyInstance,
  services: ModelManagement,
): Promise<void> {
  providerRoutes(app, services);
  deploymentRoutes(app, services.deployments);
  configuredModelRoutes(app, services.models);
}
