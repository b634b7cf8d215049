import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { changerOf } from '../change.ts';
import { listObject } from '../list-object.ts';
import { ROLES } from '../role.ts';
import { PageQuery } from '../schemas.ts';
import { memberObject, ORGANIZATION_ROLES } from './member.ts';
import type { MemberService } from './member-service.ts';

const read = { access: { action: 'members.read' as const } };
const write = { access: { action: 'members.write' as const } };
const tags = ['members'];
const strict = { additionalProperties: false };

const Id = Type.String({ minLength: 1, maxLength: 128 });
const MemberParams = Type.Object({ user_id: Id });
const ProjectParams = Type.Object({ project_id: Id });
const ProjectMemberParams = Type.Object({ project_id: Id, user_id: Id });
const RoleBody = Type.Object({ role: Type.Enum([...ORGANIZATION_ROLES]) }, strict);
const ProjectRoleBody = Type.Object({ role: Type.Enum([...ROLES]) }, strict);
const AddBody = Type.Object(
  {
    user_id: Type.Optional(Id),
    email: Type.Optional(Type.String({ minLength: 3, maxLength: 254 })),
    role: Type.Enum([...ROLES]),
  },
  { ...strict, description: 'Names the user by `user_id` or `email`.', minProperties: 2 },
);

/** Members of the organization and of its projects. */
export function memberRoutes(app: FastifyInstance, members: MemberService): void {
  organizationRoutes(app, members);
  projectReadRoutes(app, members);
  projectChangeRoutes(app, members);
}

function organizationRoutes(app: FastifyInstance, members: MemberService): void {
  app.get<{ Querystring: PageQuery }>(
    '/members',
    { config: read, schema: { summary: 'List members', tags, querystring: PageQuery } },
    async (request) =>
      listObject(await members.list(changerOf(request), null, request.query), memberObject(null)),
  );
  const changed = { params: MemberParams, body: RoleBody };
  app.patch<{ Params: Static<typeof MemberParams>; Body: Static<typeof RoleBody> }>(
    '/members/:user_id',
    { config: write, schema: { summary: "Change a member's role", tags, ...changed } },
    async (request) => {
      const member = { projectId: null, userId: request.params.user_id, role: request.body.role };
      return memberObject(null)(await members.setRole(changerOf(request), member));
    },
  );
  app.delete<{ Params: Static<typeof MemberParams> }>(
    '/members/:user_id',
    { config: write, schema: { summary: 'Remove a member', tags, params: MemberParams } },
    async (request) => {
      const { user_id: userId } = request.params;
      await members.remove(changerOf(request), { projectId: null, userId });
      return { id: userId, object: 'organization.member.deleted', deleted: true };
    },
  );
}

function projectReadRoutes(app: FastifyInstance, members: MemberService): void {
  const listed = { params: ProjectParams, querystring: PageQuery };
  app.get<{ Params: Static<typeof ProjectParams>; Querystring: PageQuery }>(
    '/projects/:project_id/members',
    { config: read, schema: { summary: 'List members of a project', tags, ...listed } },
    async (request) => {
      const { project_id: projectId } = request.params;
      const page = await members.list(changerOf(request), projectId, request.query);
      return listObject(page, memberObject(projectId));
    },
  );
}

function projectChangeRoutes(app: FastifyInstance, members: MemberService): void {
  const added = { params: ProjectParams, body: AddBody };
  app.post<{ Params: Static<typeof ProjectParams>; Body: Static<typeof AddBody> }>(
    '/projects/:project_id/members',
    { config: write, schema: { summary: 'Add a member to a project', tags, ...added } },
    async (request, reply) => {
      const { project_id: projectId } = request.params;
      const { user_id: userId = null, email, role } = request.body;
      const wanted = { userId, email: email?.toLowerCase() ?? null, role };
      const member = await members.addToProject(changerOf(request), projectId, wanted);
      return reply.code(201).send(memberObject(projectId)(member));
    },
  );
  const changed = { params: ProjectMemberParams, body: ProjectRoleBody };
  app.patch<{ Params: Static<typeof ProjectMemberParams>; Body: Static<typeof ProjectRoleBody> }>(
    '/projects/:project_id/members/:user_id',
    { config: write, schema: { summary: 'Change a role in a project', tags, ...changed } },
    async (request) => {
      const { project_id: projectId, user_id: userId } = request.params;
      const wanted = { projectId, userId, role: request.body.role };
      return memberObject(projectId)(await members.setRole(changerOf(request), wanted));
    },
  );
  app.delete<{ Params: Static<typeof ProjectMemberParams> }>(
    '/projects/:project_id/members/:user_id',
    {
      config: write,
      schema: { summary: 'Remove a member from a project', tags, params: ProjectMemberParams },
    },
    async (request) => {
      const { project_id: projectId, user_id: userId } = request.params;
      await members.remove(changerOf(request), { projectId, userId });
      return { id: userId, object: 'project.member.deleted', deleted: true };
    },
  );
}
