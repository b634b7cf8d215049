import type { SqlExecutor } from '../../../ports/database.ts';

/** What the server says of itself and of this database. */
export interface ServerFacts {
  readonly encoding: string;
  readonly isReplica: boolean;
  readonly isReadOnly: boolean;
  readonly maxConnections: number;
  readonly reservedConnections: number;
  readonly usedConnections: number;
  readonly fsync: string;
  readonly synchronousCommit: string;
  readonly fullPageWrites: string;
  readonly sizeBytes: number;
  readonly transactionAge: number;
  readonly isSuperuser: boolean;
  readonly mayCreate: boolean;
  readonly now: Date;
}

const FACTS = `select
  current_setting('server_encoding') as encoding,
  pg_is_in_recovery() as "isReplica",
  current_setting('default_transaction_read_only') = 'on' as "isReadOnly",
  current_setting('max_connections')::int as "maxConnections",
  current_setting('superuser_reserved_connections')::int as "reservedConnections",
  (select count(*) from pg_stat_activity where backend_type = 'client backend')::int as "usedConnections",
  current_setting('fsync') as fsync,
  current_setting('synchronous_commit') as "synchronousCommit",
  current_setting('full_page_writes') as "fullPageWrites",
  pg_database_size(current_database()) as "sizeBytes",
  (select age(datfrozenxid) from pg_database where datname = current_database()) as "transactionAge",
  (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
  has_schema_privilege(current_schema(), 'create') as "mayCreate",
  clock_timestamp() as now`;

export async function readServerFacts(
  database: SqlExecutor,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<ServerFacts> {
  const { rows } = await database.execute<ServerFacts>({ sql: FACTS, parameters: [] }, options);
  const [facts] = rows;
  if (facts === undefined) throw new Error('the server told nothing');
  return facts;
}

export interface LongTransaction {
  readonly pid: number;
  readonly application: string;
  readonly seconds: number;
}

/** Of this database, oldest first. */
export async function listLongTransactions(
  database: SqlExecutor,
  { olderThanMs, limit }: { olderThanMs: number; limit: number },
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<LongTransaction[]> {
  const { rows } = await database.execute<LongTransaction>(
    {
      sql: `select pid, coalesce(application_name, '') as application,
          extract(epoch from clock_timestamp() - xact_start)::int as seconds
        from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
          and xact_start < clock_timestamp() - $1::float8 * interval '1 millisecond'
        order by xact_start limit $2`,
      parameters: [olderThanMs, limit],
    },
    options,
  );
  return rows;
}

/** Names of indexes that a build which was cut off left behind: they cost writes and serve nothing. */
export async function listInvalidIndexes(
  database: SqlExecutor,
  limit: number,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<string[]> {
  const { rows } = await database.execute<{ name: string }>(
    {
      sql: `select c.oid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indexrelid
        where not i.indisvalid order by 1 limit $1`,
      parameters: [limit],
    },
    options,
  );
  return rows.map(({ name }) => name);
}

/** Size of this database on its disk. */
export async function readDatabaseSize(database: SqlExecutor): Promise<number> {
  const { rows } = await database.execute<{ sizeBytes: number }>({
    sql: 'select pg_database_size(current_database()) as "sizeBytes"',
    parameters: [],
  });
  return rows[0]?.sizeBytes ?? 0;
}
