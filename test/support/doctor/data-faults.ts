import { randomBytes } from 'node:crypto';
import { createSecretBox } from '../../../src/lib/secret-box.ts';
import type { Stores } from '../../../src/runtime.ts';
import type { Change } from './fault.ts';

export interface DataPlace {
  readonly stores: Stores;
  /** Of the file that is stored and searched. */
  readonly blobKey: string;
  readonly content: Uint8Array;
  /** Puts back what the index lacks. */
  repair(): Promise<void>;
}

/** Something wrong with what is stored, and how it is made good again. */
export interface DataFault {
  readonly name: string;
  readonly check: string;
  readonly status: 'warn' | 'fail';
  seed(place: DataPlace): Promise<Change | undefined>;
  undo?(place: DataPlace): Promise<unknown>;
}

const LIMITS = { timeoutMs: 10_000 };

const run = ({ stores }: DataPlace, sql: string) =>
  stores.database.execute({ sql, parameters: [] }).then(() => undefined);

const bySql = (
  fault: Pick<DataFault, 'name' | 'check' | 'status'>,
  seed: string,
  undo: string,
): DataFault => ({
  ...fault,
  seed: (place) => run(place, seed),
  undo: (place) => run(place, undo),
});

const HOURS_AGO = "now() - interval '3 hours'";
const ORGANIZATION = '(select id from organizations limit 1)';

/** Faults of what is stored; the same in both shapes. */
export const DATA_FAULTS: readonly DataFault[] = [
  {
    name: 'a stored file without its bytes',
    check: 'drift.missing-blobs',
    status: 'fail',
    seed: ({ stores, blobKey }) => stores.blobs.delete([blobKey], LIMITS).then(() => undefined),
    undo: ({ stores, blobKey, content }) => stores.blobs.put(blobKey, content, LIMITS),
  },
  {
    name: 'a stored file with other bytes',
    check: 'drift.missing-blobs',
    status: 'fail',
    seed: ({ stores, blobKey }) =>
      stores.blobs.put(blobKey, Buffer.from('cut'), LIMITS).then(() => undefined),
    undo: ({ stores, blobKey, content }) => stores.blobs.put(blobKey, content, LIMITS),
  },
  {
    name: 'bytes that no file has',
    check: 'drift.unknown-blobs',
    status: 'warn',
    seed: ({ stores }) =>
      stores.blobs.put('files/file-stray', Buffer.from('stray'), LIMITS).then(() => undefined),
    undo: ({ stores }) => stores.blobs.delete(['files/file-stray'], LIMITS),
  },
  {
    name: 'an index that lost its rows',
    check: 'drift.vectors',
    status: 'fail',
    seed: async ({ stores }) => {
      const { rows } = await stores.database.execute<{ id: string; collection: string }>({
        sql: "select id, collection from generations where state = 'current'",
        parameters: [],
      });
      for (const { id, collection } of rows)
        await stores.index.deleteGenerations(collection, [id], LIMITS);
      return undefined;
    },
    undo: ({ repair }) => repair(),
  },
  bySql(
    { name: 'a file that makes no progress', check: 'jobs.stuck-files', status: 'warn' },
    `update vector_store_files set status = 'in_progress', progressed_at = ${HOURS_AGO}`,
    "update vector_store_files set status = 'completed', progressed_at = now()",
  ),
  bySql(
    { name: 'a job that was given up', check: 'jobs.dead', status: 'warn' },
    "insert into pgboss.job (name, data) values ('knowledge-ingest.dead', '{}')",
    "delete from pgboss.job where name = 'knowledge-ingest.dead'",
  ),
  {
    name: 'jobs that nobody takes',
    check: 'jobs.stuck',
    status: 'warn',
    seed: async () => ({
      probes: {
        backlogs: async () => [{ queue: 'knowledge-ingest', dead: 0, oldestWaitingMs: 7_200_000 }],
      },
    }),
  },
  bySql(
    { name: 'a backup of last week', check: 'backup.age', status: 'warn' },
    `insert into backup_runs (id, kind, target, backup_id, state, started_at, ended_at) values
      ('run_x', 'backup', '/backups', 'b', 'succeeded', now() - interval '7 days', now() - interval '7 days')`,
    "delete from backup_runs where id = 'run_x'",
  ),
  bySql(
    { name: 'a model without a deployment', check: 'models.unserved', status: 'warn' },
    `insert into models (id, organization_id, name, strategy, affinity, enabled, created_at, updated_at)
      values ('model_x', ${ORGANIZATION}, 'orphan', 'ordered', false, true, now(), now())`,
    "delete from models where id = 'model_x'",
  ),
  bySql(
    { name: 'a budget without prices', check: 'models.unpriced', status: 'warn' },
    `insert into limits (id, organization_id, scope, scope_id, kind, amount, period, created_at, updated_at)
      values ('limit_x', ${ORGANIZATION}, 'organization', ${ORGANIZATION}, 'money', 1, 'day', now(), now())`,
    "delete from limits where id = 'limit_x'",
  ),
  bySql(
    { name: 'a credential that no key opens', check: 'secrets.sealed-rows', status: 'fail' },
    `insert into providers (id, organization_id, name, kind, credential, enabled, created_at, updated_at)
      values ('prov_x', ${ORGANIZATION}, 'sealed', 'openai-compatible', 'v1.broken', false, now(), now())`,
    "delete from providers where id = 'prov_x'",
  ),
  {
    name: 'another key than that of the installation',
    check: 'secrets.key-fits',
    status: 'fail',
    seed: async () => ({
      probes: { secretBox: async () => createSecretBox(randomBytes(32)) },
    }),
  },
  {
    name: 'no key although secrets are sealed',
    check: 'secrets.key-fits',
    status: 'fail',
    seed: async () => ({ probes: { secretBox: async () => undefined } }),
  },
  bySql(
    { name: 'a database of a newer release', check: 'database.schema', status: 'fail' },
    "insert into schema_migrations (version, name, checksum, applied_at) values (9999, 'x', 'x', now())",
    'delete from schema_migrations where version = 9999',
  ),
  bySql(
    { name: 'a migration that was edited', check: 'database.schema', status: 'fail' },
    "update schema_migrations set checksum = 'edited' || checksum where version = 1",
    'update schema_migrations set checksum = substr(checksum, 7) where version = 1',
  ),
  bySql(
    { name: 'a migration that is not recorded', check: 'database.schema', status: 'fail' },
    'update schema_migrations set version = 0 where version = 2',
    'update schema_migrations set version = 2 where version = 0',
  ),
];
