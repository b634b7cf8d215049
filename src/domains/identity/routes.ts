import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { unixSeconds } from './api-key.ts';
import { changerOf, originOf } from './change.ts';
import { keyRoutes } from './key-routes.ts';
import { listObject } from './list-object.ts';
import { memberRoutes } from './members/member-routes.ts';
import type { MemberService } from './members/member-service.ts';
import { ACTION_NAMES, may } from './policy.ts';
import { principalOf } from './principal.ts';
import type { ProjectRow, UserRow } from './project-repository.ts';
import { CreateProjectBody, PageQuery, ProjectParams, SetupBody } from './schemas.ts';
import type { IdentityService } from './service.ts';
import type { SetupService } from './setup-service.ts';

/** Projects, keys, users and the one-time set-up; register it under `/api/v1`. */
export async function identityRoutes(
  app: FastifyInstance,
  services: { identity: IdentityService; setup: SetupService; members: MemberService },
): Promise<void> {
  meRoute(app);
  projectRoutes(app, services.identity);
  keyRoutes(app, services.identity);
  userRoutes(app, services.identity);
  memberRoutes(app, services.members);
  setupRoute(app, services.setup);
}

function meRoute(app: FastifyInstance): void {
  const schema = { summary: 'Who this key acts as', tags: ['identity'] };
  app.get('/me', { config: { access: 'authenticated' }, schema }, async (request) => {
    const principal = principalOf(request);
    return {
      object: 'principal',
      kind: principal.kind,
      organization_id: principal.organizationId,
      project_id: principal.projectId,
      api_key_id: principal.apiKeyId,
      user_id: principal.userId ?? null,
      role: principal.role ?? null,
      role_in: principal.roleIn ?? null,
      scopes: principal.scopes,
      actions: ACTION_NAMES.filter((action) => may(principal, action)),
    };
  });
}

function projectRoutes(app: FastifyInstance, identity: IdentityService): void {
  const tags = ['projects'];
  app.post<{ Body: CreateProjectBody }>(
    '/projects',
    {
      config: { access: { action: 'projects.write' } },
      schema: { summary: 'Create a project', tags, body: CreateProjectBody },
    },
    async (request, reply) => {
      const project = await identity.createProject(changerOf(request), request.body.name);
      return reply.code(201).send(projectObject(project));
    },
  );
  app.get<{ Querystring: PageQuery }>(
    '/projects',
    {
      config: { access: { action: 'projects.read' } },
      schema: { summary: 'List projects', tags, querystring: PageQuery },
    },
    async (request) =>
      listObject(await identity.listProjects(principalOf(request), request.query), projectObject),
  );
  app.get<{ Params: ProjectParams }>(
    '/projects/:project_id',
    {
      config: { access: { action: 'projects.read' } },
      schema: { summary: 'Get a project', tags, params: ProjectParams },
    },
    async (request) =>
      projectObject(await identity.getProject(principalOf(request), request.params.project_id)),
  );
}

function userRoutes(app: FastifyInstance, identity: IdentityService): void {
  const schema = { summary: 'List users', tags: ['users'], querystring: PageQuery };
  app.get<{ Querystring: PageQuery }>(
    '/users',
    { config: { access: { action: 'users.read' } }, schema },
    async (request) =>
      listObject(await identity.listUsers(principalOf(request), request.query), userObject),
  );
}

function setupRoute(app: FastifyInstance, setup: SetupService): void {
  const schema = {
    summary: 'Redeem a one-time link: set the administrator and get a key',
    tags: ['identity'],
    body: SetupBody,
  };
  app.post<{ Body: SetupBody }>(
    '/setup',
    { config: { access: 'public' }, schema },
    async (request) => {
      const { apiKey, key } = await setup.completeSetup(request.body, originOf(request));
      return { ...key, key: apiKey };
    },
  );
}

function projectObject(project: ProjectRow) {
  return {
    id: project.id,
    object: 'project',
    organization_id: project.organization_id,
    name: project.name,
    created_at: unixSeconds(project.created_at),
    archived_at: project.archived_at && unixSeconds(project.archived_at),
  };
}

function userObject(user: UserRow) {
  return {
    id: user.id,
    object: 'user',
    email: user.email,
    name: user.name,
    role: user.role,
    has_password: user.has_password,
    created_at: unixSeconds(user.created_at),
    disabled_at: user.disabled_at && unixSeconds(user.disabled_at),
  };
}
