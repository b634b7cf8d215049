import type { FastifyInstance } from 'fastify';
import { changerOf, listObject, principalOf } from '../../identity/index.ts';
import { DeploymentBody, DeploymentParams, DeploymentPatch, ListQuery } from '../schemas.ts';
import type { DeploymentService } from './deployment-service.ts';
import { deploymentObject } from './objects.ts';

const read = { access: { action: 'models.read' as const } };
const write = { access: { action: 'models.write' as const } };
const tags = ['deployments'];

/** Deployments of the caller's organization. */
export function deploymentRoutes(app: FastifyInstance, deployments: DeploymentService): void {
  writeRoutes(app, deployments);
  readRoutes(app, deployments);
}

function writeRoutes(app: FastifyInstance, deployments: DeploymentService): void {
  app.post<{ Body: DeploymentBody }>(
    '/deployments',
    { config: write, schema: { summary: 'Create a deployment', tags, body: DeploymentBody } },
    async (request, reply) => {
      const deployment = await deployments.create(changerOf(request), request.body);
      return reply.code(201).send(deploymentObject(deployment));
    },
  );
  const changed = { params: DeploymentParams, body: DeploymentPatch };
  app.patch<{ Params: DeploymentParams; Body: DeploymentPatch }>(
    '/deployments/:deployment_id',
    { config: write, schema: { summary: 'Change a deployment', tags, ...changed } },
    async (request) => {
      const { deployment_id: id } = request.params;
      return deploymentObject(await deployments.update(changerOf(request), id, request.body));
    },
  );
  app.delete<{ Params: DeploymentParams }>(
    '/deployments/:deployment_id',
    { config: write, schema: { summary: 'Delete a deployment', tags, params: DeploymentParams } },
    async (request) => {
      const { deployment_id: id } = request.params;
      await deployments.delete(changerOf(request), id);
      return { id, object: 'deployment.deleted', deleted: true };
    },
  );
}

function readRoutes(app: FastifyInstance, deployments: DeploymentService): void {
  app.get<{ Querystring: ListQuery }>(
    '/deployments',
    { config: read, schema: { summary: 'List deployments', tags, querystring: ListQuery } },
    async (request) =>
      listObject(await deployments.list(principalOf(request), request.query), deploymentObject),
  );
  app.get<{ Params: DeploymentParams }>(
    '/deployments/:deployment_id',
    { config: read, schema: { summary: 'Get a deployment', tags, params: DeploymentParams } },
    async (request) =>
      deploymentObject(await deployments.get(principalOf(request), request.params.deployment_id)),
  );
}
