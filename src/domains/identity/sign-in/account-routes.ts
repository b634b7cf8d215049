import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { unixSeconds } from '../api-key.ts';
import { listObject } from '../list-object.ts';
import { personOf } from '../person.ts';
import { PageQuery } from '../schemas.ts';
import type { UserService } from '../users/user-service.ts';
import { originOf } from '../change.ts';
import type { AccountService } from './account-service.ts';
import type { SecondFactor } from './second-factor.ts';
import type { OwnSessionRow } from './session-repository.ts';

const strict = { additionalProperties: false };
const config = { access: 'authenticated' as const };
const enrolling = { ...config, openBeforeEnrolment: true as const };
const tags = ['account'];
const Password = Type.String({ minLength: 1, maxLength: 128 });
const NewPassword = Type.String({ minLength: 12, maxLength: 128 });
const Code = Type.String({ minLength: 1, maxLength: 64 });

const ChangePasswordBody = Type.Object(
  { current_password: Password, new_password: NewPassword },
  strict,
);
type ChangePasswordBody = Static<typeof ChangePasswordBody>;
const ResetBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 128 }), password: NewPassword },
  strict,
);
type ResetBody = Static<typeof ResetBody>;
const EnrolBody = Type.Object({ password: Password }, strict);
type EnrolBody = Static<typeof EnrolBody>;
const ConfirmBody = Type.Object({ code: Code }, strict);
type ConfirmBody = Static<typeof ConfirmBody>;
const DisableBody = Type.Object({ password: Password, code: Code }, strict);
type DisableBody = Static<typeof DisableBody>;
const SessionParams = Type.Object({ session_id: Type.String({ minLength: 1, maxLength: 128 }) });
type SessionParams = Static<typeof SessionParams>;

export interface AccountServices {
  readonly accounts: AccountService;
  readonly secondFactor: SecondFactor;
  readonly users: UserService;
}

/** What people do with their own account; register it under `/api/v1`. */
export function accountRoutes(app: FastifyInstance, services: AccountServices): void {
  passwordRoutes(app, services);
  sessionRoutes(app, services.accounts);
  secondFactorRoutes(app, services.secondFactor);
}

function passwordRoutes(app: FastifyInstance, { accounts, users }: AccountServices): void {
  app.post<{ Body: ChangePasswordBody }>(
    '/auth/password',
    { config, schema: { summary: 'Change your password', tags, body: ChangePasswordBody } },
    async (request, reply) => {
      const { current_password: current, new_password: next } = request.body;
      await accounts.changePassword(personOf(request), { current, next });
      return reply.code(204).send();
    },
  );
  app.post<{ Body: ResetBody }>(
    '/auth/password-reset',
    {
      config: { access: 'public' },
      schema: { summary: 'Redeem a link that sets a password', tags, body: ResetBody },
    },
    async (request, reply) => {
      await users.resetPassword(request.body, originOf(request));
      return reply.code(204).send();
    },
  );
}

function sessionRoutes(app: FastifyInstance, accounts: AccountService): void {
  app.get<{ Querystring: PageQuery }>(
    '/auth/sessions',
    { config, schema: { summary: 'List your open sessions', tags, querystring: PageQuery } },
    async (request) => {
      const person = personOf(request);
      const page = await accounts.listSessions(person, request.query);
      return listObject(page, (session) => sessionObject(session, person.sessionId));
    },
  );
  app.delete(
    '/auth/sessions',
    { config, schema: { summary: 'End your other sessions', tags } },
    async (request) => {
      const ended = await accounts.endOtherSessions(personOf(request));
      return { object: 'session.ended', ended };
    },
  );
  app.delete<{ Params: SessionParams }>(
    '/auth/sessions/:session_id',
    { config, schema: { summary: 'End one of your sessions', tags, params: SessionParams } },
    async (request) => {
      const { session_id: id } = request.params;
      await accounts.endSession(personOf(request), id);
      return { id, object: 'session.ended', ended: 1 };
    },
  );
}

function secondFactorRoutes(app: FastifyInstance, secondFactor: SecondFactor): void {
  app.post<{ Body: EnrolBody }>(
    '/auth/totp',
    {
      config: enrolling,
      schema: { summary: 'Get a seed for an authenticator', tags, body: EnrolBody },
    },
    async (request, reply) => {
      const { secret, uri } = await secondFactor.enrol(personOf(request), request.body);
      return reply.header('cache-control', 'no-store').send({ object: 'totp_seed', secret, uri });
    },
  );
  app.post<{ Body: ConfirmBody }>(
    '/auth/totp/confirm',
    { config: enrolling, schema: { summary: 'Put the seed in force', tags, body: ConfirmBody } },
    async (request, reply) => {
      const codes = await secondFactor.confirm(personOf(request), request.body.code);
      return reply
        .header('cache-control', 'no-store')
        .send({ object: 'recovery_codes', recovery_codes: codes });
    },
  );
  app.post<{ Body: DisableBody }>(
    '/auth/totp/disable',
    { config, schema: { summary: 'Take the authenticator away', tags, body: DisableBody } },
    async (request, reply) => {
      await secondFactor.disable(personOf(request), request.body);
      return reply.code(204).send();
    },
  );
}

function sessionObject(session: OwnSessionRow, currentId: string) {
  return {
    id: session.id,
    object: 'session',
    current: session.id === currentId,
    created_at: unixSeconds(session.created_at),
    last_used_at: unixSeconds(session.last_used_at),
    expires_at: unixSeconds(session.expires_at),
    address: session.address,
    user_agent: session.user_agent,
  };
}
