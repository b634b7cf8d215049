import { type Expression, type SqlBool, sql } from 'kysely';
import type { Database, SqlExecutor, Statement } from '../../ports/database.ts';
import { statementBuilder } from '../../lib/statement-builder.ts';
import type { UsageRow } from './usage-row.ts';

const build = statementBuilder<{ usage_records: UsageRow }>();

// One bound parameter for a whole batch: compiling a row list of 500 x 27 parameters costs more than the insert. What a
// line of an earlier release does not say has the default of its column. Spending is added for the rows that are new,
// in the same statement: a line that comes twice counts once.
const INSERT_LINES = `
  with inserted as (
    insert into usage_records (id, project_id, api_key_id, user_id, request_id, endpoint, model, deployment,
      deployment_id, attempts, status, streamed, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
      cache_write_tokens, audio_input_tokens, audio_output_tokens, cost_micros, price_version, response_cached,
      upstream_usage, estimated, first_token_ms, duration_ms, created_at)
    select id, project_id, api_key_id, user_id, request_id, endpoint, model, deployment, deployment_id,
      coalesce(attempts, 1), status, streamed, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
      coalesce(cache_write_tokens, 0), coalesce(audio_input_tokens, 0), coalesce(audio_output_tokens, 0), cost_micros,
      price_version, coalesce(response_cached, false), nullif(upstream_usage, 'null'::jsonb), estimated,
      first_token_ms, duration_ms, created_at
    from jsonb_to_recordset(($1::text)::jsonb) as line (id text, project_id text, api_key_id text, user_id text,
      request_id text, endpoint text, model text, deployment text, deployment_id text, attempts integer, status text,
      streamed boolean, prompt_tokens integer, completion_tokens integer, cached_tokens integer,
      reasoning_tokens integer, cache_write_tokens integer, audio_input_tokens integer, audio_output_tokens integer,
      cost_micros bigint, price_version text, response_cached boolean, upstream_usage jsonb, estimated boolean,
      first_token_ms integer, duration_ms integer, created_at timestamptz)
    on conflict (id, created_at) do nothing
    returning project_id, api_key_id, user_id, model, cost_micros, created_at
  )
  insert into budget_spend (limit_id, window_start, spent_micros)
  select l.id, case l.period when 'total' then 'epoch'::timestamptz
      else date_trunc(l.period, i.created_at at time zone 'UTC') at time zone 'UTC' end as window_start,
    sum(i.cost_micros)::bigint
  from inserted i
  join projects p on p.id = i.project_id
  cross join lateral (values ('organization', p.organization_id), ('project', i.project_id),
    ('api_key', i.api_key_id), ('user', i.user_id), ('model', i.model)) as s (scope, scope_id)
  join limits l on l.kind = 'money' and l.scope = s.scope and l.scope_id = s.scope_id
    and l.organization_id = p.organization_id and (l.model is null or l.model = i.model)
  where i.cost_micros > 0
  group by 1, 2
  order by 1, 2
  on conflict (limit_id, window_start) do update set spent_micros = budget_spend.spent_micros + excluded.spent_micros`;

/**
 * Inserts journal lines (each the JSON of a `UsageRow`); lines whose row exists already are left out. Adds what the new
 * ones cost to the budgets that they concern.
 */
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

export const USAGE_GROUPS = ['model', 'day', 'api_key'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

export interface UsageSum {
  /** A model, a day of UTC such as `2026-11-25`, or the id of a key; null for calls without a key. */
  readonly group_value: string | null;
  readonly requests: number;
  readonly failed_requests: number;
  readonly estimated_requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly reasoning_tokens: number;
  /** Of the calls that have a price. */
  readonly cost_micros: number;
}

const GROUP_VALUES: Readonly<Record<UsageGroup, Expression<string>>> = {
  model: sql<string>`model`,
  day: sql<string>`to_char(created_at at time zone 'UTC', 'YYYY-MM-DD')`,
  api_key: sql<string>`api_key_id`,
};

/** Sums for each model, day or key, the busiest first. */
export async function summarizeUsage(
  database: SqlExecutor,
  filter: UsageFilter & { groupBy?: UsageGroup; limit: number },
): Promise<UsageSum[]> {
  const query = build
    .selectFrom('usage_records')
    .select([
      sql<string | null>`${GROUP_VALUES[filter.groupBy ?? 'model']}`.as('group_value'),
      sql<number>`count(*)`.as('requests'),
      sql<number>`count(*) filter (where status = 'failed')`.as('failed_requests'),
      sql<number>`count(*) filter (where estimated)`.as('estimated_requests'),
      sql<number>`sum(prompt_tokens)::bigint`.as('prompt_tokens'),
      sql<number>`sum(completion_tokens)::bigint`.as('completion_tokens'),
      sql<number>`sum(cached_tokens)::bigint`.as('cached_tokens'),
      sql<number>`sum(reasoning_tokens)::bigint`.as('reasoning_tokens'),
      sql<number>`coalesce(sum(cost_micros), 0)::bigint`.as('cost_micros'),
    ])
    .where(matches(filter))
    .groupBy(sql`1`)
    .orderBy('requests', 'desc')
    .orderBy('group_value')
    .limit(filter.limit);
  return (await database.execute(query.compile() as Statement<UsageSum>)).rows;
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
