import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { changerOf } from '../change.ts';
import type { UserService } from './user-service.ts';

const config = { access: { action: 'users.write' as const } };
const tags = ['users'];
const UserParams = Type.Object({ user_id: Type.String({ minLength: 1, maxLength: 128 }) });
type UserParams = Static<typeof UserParams>;

/** Users that are taken out of force and put back; register it under `/api/v1`. */
export function userRoutes(app: FastifyInstance, { users }: { users: UserService }): void {
  app.post<{ Params: UserParams }>(
    '/users/:user_id/disable',
    { config, schema: { summary: 'Disable a user', tags, params: UserParams } },
    async (request) => {
      const id = request.params.user_id;
      await users.disable(changerOf(request), id);
      return { id, object: 'user', disabled: true };
    },
  );
  app.post<{ Params: UserParams }>(
    '/users/:user_id/enable',
    { config, schema: { summary: 'Enable a user', tags, params: UserParams } },
    async (request) => {
      const id = request.params.user_id;
      await users.enable(changerOf(request), id);
      return { id, object: 'user', disabled: false };
    },
  );
}
