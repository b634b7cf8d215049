import type { Database, SqlExecutor, Transaction } from '../../../ports/database.ts';

export interface BackupRun {
  readonly id: string;
  readonly kind: 'backup' | 'drill';
  readonly target: string;
  readonly backup_id: string | null;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly duration_ms: number | null;
  readonly size_bytes: number | null;
  readonly added_bytes: number | null;
  readonly error: string | null;
}

const COLUMNS = `id, kind, target, backup_id, state, started_at, ended_at, duration_ms, size_bytes, added_bytes, error`;
// Any fixed number will do.
const BACKUP_LOCK = 7_205_759_404;

/** True for the one backup, or pruning, that may run now; until the transaction ends, however it does. */
export async function tryBackupLock(transaction: Transaction): Promise<boolean> {
  const { rows } = await transaction.execute<{ held: boolean }>({
    sql: 'select pg_try_advisory_xact_lock($1::bigint) as held',
    parameters: [BACKUP_LOCK],
  });
  return rows[0]?.held === true;
}

export async function insertRun(
  database: SqlExecutor,
  run: Pick<BackupRun, 'id' | 'kind' | 'target' | 'started_at'>,
): Promise<void> {
  await database.execute({
    sql: `insert into backup_runs (id, kind, target, state, started_at) values ($1, $2, $3, 'running', $4)`,
    parameters: [run.id, run.kind, run.target, run.started_at],
  });
}

/** Only one runs at a time, so whatever else says that it does has died. */
export async function failDeadRuns(
  database: SqlExecutor,
  kind: BackupRun['kind'],
  now: Date,
): Promise<void> {
  await database.execute({
    sql: `update backup_runs set state = 'failed', ended_at = $2, error = 'its process ended before it did'
      where kind = $1 and state = 'running'`,
    parameters: [kind, now],
  });
}

export async function endRun(
  database: SqlExecutor,
  run: Omit<BackupRun, 'kind' | 'target' | 'started_at'>,
): Promise<void> {
  await database.execute({
    sql: `update backup_runs set backup_id = $2, state = $3, ended_at = $4, duration_ms = $5, size_bytes = $6,
        added_bytes = $7, error = $8 where id = $1`,
    parameters: [
      run.id,
      run.backup_id,
      run.state,
      run.ended_at,
      run.duration_ms,
      run.size_bytes,
      run.added_bytes,
      run.error,
    ],
  });
}

/** Where a cursor stands, or undefined when there is no such run. */
export async function findRunStart(database: SqlExecutor, id: string): Promise<Date | undefined> {
  const { rows } = await database.execute<{ started_at: Date }>({
    sql: 'select started_at from backup_runs where id = $1',
    parameters: [id],
  });
  return rows[0]?.started_at;
}

/** Newest first. */
export async function listRuns(
  database: SqlExecutor,
  page: { after?: { id: string; startedAt: Date }; limit: number },
): Promise<BackupRun[]> {
  const { after, limit } = page;
  const { rows } = await database.execute<BackupRun>({
    sql: `select ${COLUMNS} from backup_runs
      where $1::timestamptz is null or (started_at, id) < ($1::timestamptz, $2::text)
      order by started_at desc, id desc limit $3`,
    parameters: [after?.startedAt ?? null, after?.id ?? null, limit],
  });
  return rows;
}

/** The last one of each kind and target that succeeded. */
export async function lastSuccesses(database: Database): Promise<BackupRun[]> {
  const { rows } = await database.execute<BackupRun>({
    sql: `select distinct on (kind, target) ${COLUMNS} from backup_runs where state = 'succeeded'
      order by kind, target, ended_at desc limit 100`,
    parameters: [],
  });
  return rows;
}
