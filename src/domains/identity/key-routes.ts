import type { FastifyInstance } from 'fastify';
import { apiKeyObject } from './api-key.ts';
import { changerOf } from './change.ts';
import { listObject } from './list-object.ts';
import { principalOf } from './principal.ts';
import { CreateKeyBody, KeyParams, KeyPatch, KeysQuery, RotateKeyBody } from './schemas.ts';
import type { CreatedKey } from './new-key.ts';
import type { IdentityService } from './service.ts';

const read = { access: { action: 'keys.read' as const } };
const write = { access: { action: 'keys.write' as const } };
const tags = ['keys'];
const MS_PER_SECOND = 1000;
const DEFAULT_OVERLAP_SECONDS = 86_400;

/** API keys of the caller's organization. */
export function keyRoutes(app: FastifyInstance, identity: IdentityService): void {
  createRoute(app, identity);
  readRoutes(app, identity);
  updateRoute(app, identity);
  endRoutes(app, identity);
}

function createRoute(app: FastifyInstance, identity: IdentityService): void {
  app.post<{ Body: CreateKeyBody }>(
    '/keys',
    { config: write, schema: { summary: 'Create an API key', tags, body: CreateKeyBody } },
    async (request, reply) => {
      const { name, scopes, models, allowed_addresses: addresses } = request.body;
      const { project_id: projectId, expires_at: seconds } = request.body;
      const expiresAt = dateOf(seconds);
      const input = { name, scopes, models, addresses, projectId, expiresAt };
      const created = await identity.createKey(changerOf(request), input);
      return reply.code(201).send(createdObject(created));
    },
  );
}

function readRoutes(app: FastifyInstance, identity: IdentityService): void {
  app.get<{ Querystring: KeysQuery }>(
    '/keys',
    { config: read, schema: { summary: 'List API keys', tags, querystring: KeysQuery } },
    async (request) => {
      const { project_id: projectId, ...page } = request.query;
      const keys = await identity.listKeys(principalOf(request), { ...page, projectId });
      return listObject(keys, apiKeyObject);
    },
  );
  app.get<{ Params: KeyParams }>(
    '/keys/:key_id',
    { config: read, schema: { summary: 'Get an API key', tags, params: KeyParams } },
    async (request) =>
      apiKeyObject(await identity.getKey(principalOf(request), request.params.key_id)),
  );
}

function updateRoute(app: FastifyInstance, identity: IdentityService): void {
  const schema = { summary: 'Change an API key', tags, params: KeyParams, body: KeyPatch };
  app.patch<{ Params: KeyParams; Body: KeyPatch }>(
    '/keys/:key_id',
    { config: write, schema },
    async (request) => {
      const { expires_at: seconds, ...settings } = request.body;
      const change = { ...settings, expires_at: dateOf(seconds) };
      const { key_id: id } = request.params;
      return apiKeyObject(await identity.updateKey(changerOf(request), id, change));
    },
  );
}

function endRoutes(app: FastifyInstance, identity: IdentityService): void {
  app.delete<{ Params: KeyParams }>(
    '/keys/:key_id',
    { config: write, schema: { summary: 'Revoke an API key', tags, params: KeyParams } },
    async (request) => {
      const id = request.params.key_id;
      await identity.revokeKey(changerOf(request), id);
      return { id, object: 'api_key.deleted', deleted: true };
    },
  );
  app.post<{ Params: KeyParams; Body: RotateKeyBody | undefined }>(
    '/keys/:key_id/rotate',
    {
      config: write,
      schema: { summary: 'Replace an API key', tags, params: KeyParams, body: RotateKeyBody },
      // A call without a body takes the default overlap.
      preValidation: async (request) => {
        request.body ??= {};
      },
    },
    async (request) => {
      const seconds = request.body?.overlap_seconds ?? DEFAULT_OVERLAP_SECONDS;
      const owner = changerOf(request);
      const { key_id: id } = request.params;
      const rotated = await identity.rotateKey(owner, id, { overlapMs: seconds * MS_PER_SECOND });
      return { ...createdObject(rotated), previous: apiKeyObject(rotated.previous) };
    },
  );
}

function dateOf<Missing extends null | undefined>(seconds: number | Missing): Date | Missing {
  return typeof seconds === 'number' ? new Date(seconds * MS_PER_SECOND) : seconds;
}

function createdObject({ key, secret }: CreatedKey) {
  return { ...apiKeyObject(key), key: secret };
}
