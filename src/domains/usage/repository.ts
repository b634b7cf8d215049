import { type Expression, type SqlBool, sql } from 'kysely';
import type { Database, SqlExecutor, Statement } from '../../ports/database.ts';
import { statementBuilder } from '../../lib/statement-builder.ts';
import type { UsageRow } from './usage-row.ts';

const build = statementBuilder<{ usage_records: UsageRow }>();

// One bound parameter for a whole batch: compiling a row list of 500 x 18 parameters costs more than the insert.
const INSERT_LINES = `
  insert into usage_records (id, project_id, api_key_id, request_id, endpoint, model, deployment, status, streamed,
    prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, upstream_usage, estimated, first_token_ms,
    duration_ms, created_at)
  select id, project_id, api_key_id, request_id, endpoint, model, deployment, status, streamed,
    prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, nullif(upstream_usage, 'null'::jsonb), estimated,
    first_token_ms, duration_ms, created_at
  from jsonb_to_recordset(($1::text)::jsonb) as line (id text, project_id text, api_key_id text, request_id text,
    endpoint text, model text, deployment text, status text, streamed boolean, prompt_tokens integer,
    completion_tokens integer, cached_tokens integer, reasoning_tokens integer, upstream_usage jsonb,
    estimated boolean, first_token_ms integer, duration_ms integer, created_at timestamptz)
  on conflict (id, created_at) do nothing`;

/** Inserts journal lines (each the JSON of a `UsageRow`); lines whose row exists already are left out. */
export async function insertUsageLines(
  database: SqlExecutor,
  lines: readonly string[],
  options: { timeoutMs: number },
): Promise<void> {
  await database.execute({ sql: INSERT_LINES, parameters: [`[${lines.join(',')}]`] }, options);
}

export interface UsageFilter {
  readonly projectId: string;
  readonly model?: string;
  readonly from?: Date;
  /** Exclusive. */
  readonly to?: Date;
}

export interface UsagePosition {
  readonly id: string;
  readonly createdAt: Date;
}

/** Where a cursor stands, or undefined when the project has no such record. */
export async function findUsagePosition(
  database: SqlExecutor,
  key: { projectId: string; id: string },
): Promise<UsagePosition | undefined> {
  const query = build
    .selectFrom('usage_records')
    .select(['id', 'created_at'])
    .where('project_id', '=', key.projectId)
    .where('id', '=', key.id)
    .limit(1);
  const { rows } = await database.execute(
    query.compile() as Statement<Pick<UsageRow, 'id' | 'created_at'>>,
  );
  const row = rows[0];
  return row && { id: row.id, createdAt: row.created_at };
}

/** Newest first. */
export async function listUsage(
  database: SqlExecutor,
  filter: UsageFilter & { after?: UsagePosition; limit: number },
): Promise<UsageRow[]> {
  let query = build
    .selectFrom('usage_records')
    .selectAll()
    .where(matches(filter))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit);
  if (filter.after !== undefined) {
    const { createdAt, id } = filter.after;
    query = query.where(sql<SqlBool>`(created_at, id) < (${createdAt}, ${id})`);
  }
  return (await database.execute(query.compile() as Statement<UsageRow>)).rows;
}

export interface ModelUsage {
  readonly model: string;
  readonly requests: number;
  readonly failed_requests: number;
  readonly estimated_requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly reasoning_tokens: number;
}

/** Sums for each model, the busiest first. */
export async function summarizeUsage(
  database: SqlExecutor,
  filter: UsageFilter & { limit: number },
): Promise<ModelUsage[]> {
  const query = build
    .selectFrom('usage_records')
    .select([
      'model',
      sql<number>`count(*)`.as('requests'),
      sql<number>`count(*) filter (where status = 'failed')`.as('failed_requests'),
      sql<number>`count(*) filter (where estimated)`.as('estimated_requests'),
      sql<number>`sum(prompt_tokens)::bigint`.as('prompt_tokens'),
      sql<number>`sum(completion_tokens)::bigint`.as('completion_tokens'),
      sql<number>`sum(cached_tokens)::bigint`.as('cached_tokens'),
      sql<number>`sum(reasoning_tokens)::bigint`.as('reasoning_tokens'),
    ])
    .where(matches(filter))
    .groupBy('model')
    .orderBy('requests', 'desc')
    .orderBy('model')
    .limit(filter.limit);
  return (await database.execute(query.compile() as Statement<ModelUsage>)).rows;
}

function matches(filter: UsageFilter): Expression<SqlBool> {
  const parts = [sql`project_id = ${filter.projectId}`];
  if (filter.model !== undefined) parts.push(sql`model = ${filter.model}`);
  if (filter.from !== undefined) parts.push(sql`created_at >= ${filter.from}`);
  if (filter.to !== undefined) parts.push(sql`created_at < ${filter.to}`);
  return sql<SqlBool>`${sql.join(parts, sql` and `)}`;
}

// Any fixed number will do; it keeps two instances from creating the same month at once.
const PARTITION_LOCK = 7_205_759_401;

/**
 * Prepares one partition for the month of `now` and each of `monthsAhead` months after it. A month whose rows lie in
 * the default partition already stays there: PostgreSQL refuses the new partition, and nothing is lost.
 */
export async function ensureUsagePartitions(
  database: Database,
  now: Date,
  monthsAhead: number,
): Promise<void> {
  for (let ahead = 0; ahead <= monthsAhead; ahead += 1) {
    const month = monthOf(now, ahead);
    await database.transaction(async (transaction) => {
      await transaction.execute({
        sql: 'select pg_advisory_xact_lock($1::bigint)',
        parameters: [PARTITION_LOCK],
      });
      const taken = await transaction.execute<{ taken: boolean }>({
        sql: `select to_regclass($1::text) is not null or exists (select from usage_records_default
          where created_at >= $2::timestamptz and created_at < $3::timestamptz) as taken`,
        parameters: [month.name, month.from, month.to],
      });
      if (taken.rows[0]?.taken === false) await transaction.execute(createPartition(month));
    });
  }
}

interface Month {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

function monthOf(now: Date, ahead: number): Month {
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1));
  const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead + 1, 1));
  const from = first.toISOString();
  return {
    name: `usage_records_${from.slice(0, 4)}_${from.slice(5, 7)}`,
    from,
    to: next.toISOString(),
  };
}

// Names and bounds of a partition cannot be bound parameters; all three are made of digits of a date only.
function createPartition(month: Month): Statement {
  return {
    sql: `create table ${month.name} partition of usage_records for values from ('${month.from}') to ('${month.to}')`,
    parameters: [],
  };
}
