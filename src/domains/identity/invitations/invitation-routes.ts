import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { unixSeconds } from '../api-key.ts';
import { changerOf, originOf } from '../change.ts';
import { listObject } from '../list-object.ts';
import { ROLES } from '../role.ts';
import { PageQuery } from '../schemas.ts';
import type { BrowserAccess } from '../sign-in/session-cookie.ts';
import type { InvitationRow } from './invitation-repository.ts';
import type { InvitationService } from './invitation-service.ts';

const strict = { additionalProperties: false };
const reading = { access: { action: 'members.read' as const } };
const writing = { access: { action: 'members.write' as const } };
const tags = ['invitations'];
const Id = Type.String({ minLength: 1, maxLength: 128 });

const CreateBody = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254 }),
    role: Type.Enum([...ROLES]),
    project_id: Type.Optional(
      Type.Union([Id, Type.Null()], {
        description: 'Null or absent: a role in the whole organization: owner, admin or auditor.',
      }),
    ),
  },
  strict,
);
type CreateBody = Static<typeof CreateBody>;
const AcceptBody = Type.Object(
  {
    token: Type.String({ minLength: 1, maxLength: 128 }),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    password: Type.String({ minLength: 12, maxLength: 128 }),
  },
  strict,
);
type AcceptBody = Static<typeof AcceptBody>;
const InvitationParams = Type.Object({ invitation_id: Id });
type InvitationParams = Static<typeof InvitationParams>;

/** Invitations of an organization and its projects; register it under `/api/v1`. */
export function invitationRoutes(
  app: FastifyInstance,
  { invitations, publicUrl }: { invitations: InvitationService } & BrowserAccess,
): void {
  createRoute(app, invitations, publicUrl);
  app.get<{ Querystring: PageQuery }>(
    '/invitations',
    { config: reading, schema: { summary: 'List invitations', tags, querystring: PageQuery } },
    async (request) =>
      listObject(await invitations.list(changerOf(request), request.query), invitationObject),
  );
  app.delete<{ Params: InvitationParams }>(
    '/invitations/:invitation_id',
    {
      config: writing,
      schema: { summary: 'Revoke an invitation', tags, params: InvitationParams },
    },
    async (request) => {
      const { invitation_id: id } = request.params;
      await invitations.revoke(changerOf(request), id);
      return { id, object: 'invitation.deleted', deleted: true };
    },
  );
  acceptRoute(app, invitations);
}

function createRoute(
  app: FastifyInstance,
  invitations: InvitationService,
  publicUrl: string | undefined,
): void {
  app.post<{ Body: CreateBody }>(
    '/invitations',
    { config: writing, schema: { summary: 'Invite somebody', tags, body: CreateBody } },
    async (request, reply) => {
      const { email, role, project_id: projectId } = request.body;
      const input = { email, role, projectId: projectId ?? undefined };
      const { invitation, token } = await invitations.create(changerOf(request), input);
      const base = publicUrl ?? `${request.protocol}://${request.host}`;
      const url = `${base}/accept-invitation?token=${encodeURIComponent(token)}`;
      return reply.code(201).send({ ...invitationObject(invitation), token, url });
    },
  );
}

function acceptRoute(app: FastifyInstance, invitations: InvitationService): void {
  app.post<{ Body: AcceptBody }>(
    '/auth/invitations/accept',
    {
      config: { access: 'public' },
      schema: { summary: 'Accept an invitation', tags, body: AcceptBody },
    },
    async (request) => {
      const { userId, email } = await invitations.accept(request.body, originOf(request));
      return { id: userId, object: 'user', email, name: request.body.name };
    },
  );
}

/** An invitation on the wire; its token is never among it. */
export function invitationObject(invitation: InvitationRow) {
  return {
    id: invitation.id,
    object: 'invitation' as const,
    email: invitation.email,
    role: invitation.role,
    project_id: invitation.project_id,
    invited_by: invitation.invited_by,
    created_at: unixSeconds(invitation.created_at),
    expires_at: unixSeconds(invitation.expires_at),
    accepted_at: invitation.accepted_at && unixSeconds(invitation.accepted_at),
    revoked_at: invitation.revoked_at && unixSeconds(invitation.revoked_at),
  };
}
