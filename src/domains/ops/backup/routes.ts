import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import type { JobQueue } from '../../../ports/job-queue.ts';
import { recordChange } from '../../audit/index.ts';
import { changerOf, listObject } from '../../identity/index.ts';
import { BACKUP_QUEUE, type BackupPlan } from './backup-jobs.ts';
import { backupApiError } from './errors.ts';
import { type BackupRun, findRunStart, listRuns } from './run-repository.ts';

export interface BackupRoutesOptions {
  readonly database: Database;
  readonly jobs: JobQueue;
  readonly clock: Clock;
  readonly plan: BackupPlan;
  /** Whether there is a secret key, which backups need. */
  readonly hasSecretKey: boolean;
}

const tags = ['backups'];
const CreateBody = Type.Object(
  { target: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })) },
  { additionalProperties: false },
);
const ListQuery = Type.Object({
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
});

/** Backups that the server makes; register it under `/api/v1`. */
export async function backupRoutes(
  app: FastifyInstance,
  options: BackupRoutesOptions,
): Promise<void> {
  app.post<{ Body: Static<typeof CreateBody> }>(
    '/backups',
    {
      config: { access: { action: 'operations.write' } },
      schema: { summary: 'Make a backup in each target, or in one', tags, body: CreateBody },
    },
    async (request, reply) => {
      const targets = wantedTargets(options, request.body.target);
      const { database, jobs, clock } = options;
      const { target } = request.body;
      await database.transaction(async (transaction) => {
        const payload = { asked_by: 'request', ...(target === undefined ? {} : { target }) };
        const singletonKey = `${BACKUP_QUEUE}:${target ?? ''}`;
        await jobs.enqueue(BACKUP_QUEUE, payload, { transaction, singletonKey });
        await recordChange(transaction, clock, changerOf(request), {
          action: 'backups.create',
          resource: { kind: 'backup', id: null },
          projectId: null,
        });
      });
      return reply.code(202).send({ object: 'backup.request', targets });
    },
  );
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/backups',
    {
      config: { access: { action: 'operations.read' } },
      schema: { summary: 'List backups and drills that were run', tags, querystring: ListQuery },
    },
    async (request) => listObject(await pageOf(options.database, request.query), runObject),
  );
}

function wantedTargets(
  { plan, hasSecretKey }: BackupRoutesOptions,
  target: string | undefined,
): readonly string[] {
  if (plan.targets.length === 0 || plan.recipient === undefined || !hasSecretKey)
    throw backupApiError(
      'backup_not_configured',
      'Backups need LLAMP_BACKUP_TARGETS, LLAMP_BACKUP_RECIPIENT and a secret key on the server.',
      'target',
    );
  if (target === undefined) return plan.targets;
  if (plan.targets.includes(target)) return [target];
  throw backupApiError(
    'backup_target_unknown',
    `The server has no backup target '${target}'.`,
    'target',
  );
}

async function pageOf(database: Database, { after: id, limit }: Static<typeof ListQuery>) {
  const startedAt = id === undefined ? undefined : await findRunStart(database, id);
  if (id !== undefined && startedAt === undefined)
    throw backupApiError('backup_run_not_found', `No run with id '${id}'.`, 'after');
  const after = id === undefined || startedAt === undefined ? undefined : { id, startedAt };
  const rows = await listRuns(database, { after, limit: limit + 1 });
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}

function runObject(run: BackupRun) {
  return {
    id: run.id,
    object: 'backup.run',
    kind: run.kind,
    target: run.target,
    backup_id: run.backup_id,
    state: run.state,
    started_at: Math.floor(run.started_at.getTime() / 1000),
    ended_at: run.ended_at === null ? null : Math.floor(run.ended_at.getTime() / 1000),
    duration_ms: run.duration_ms,
    size_bytes: run.size_bytes,
    added_bytes: run.added_bytes,
    error: run.error,
  };
}
