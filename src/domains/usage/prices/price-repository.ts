import type { SqlExecutor, Statement } from '../../../ports/database.ts';
import type { PriceRow, PriceVersionRow } from './price.ts';

const VERSION_COLUMNS = 'id, note, created_at, activated_at';
const PRICE_COLUMNS = `model, input_micros, output_micros, cached_input_micros, cache_write_micros, reasoning_micros,
  audio_input_micros, audio_output_micros, request_micros`;

// Later than every other activation, also when the clocks of two instances differ.
const NOT_BEFORE = `greatest($2::timestamptz,
  (select max(activated_at) + interval '1 millisecond' from price_versions))`;

/** A whole version, in force from its commit on. */
export function insertPriceVersion(
  version: { id: string; createdAt: Date; note: string | null },
  prices: readonly PriceRow[],
): Statement[] {
  return [
    {
      sql: `insert into price_versions (${VERSION_COLUMNS}) values ($1, $3, $2, ${NOT_BEFORE})`,
      parameters: [version.id, version.createdAt, version.note],
    },
    {
      sql: `insert into prices (version_id, ${PRICE_COLUMNS})
        select $1, ${PRICE_COLUMNS} from jsonb_to_recordset(($2::text)::jsonb) as line (model text, input_micros bigint,
          output_micros bigint, cached_input_micros bigint, cache_write_micros bigint, reasoning_micros bigint,
          audio_input_micros bigint, audio_output_micros bigint, request_micros bigint)`,
      parameters: [version.id, JSON.stringify(prices)],
    },
  ];
}

export function activatePriceVersion(id: string, now: Date): Statement {
  return {
    sql: `update price_versions set activated_at = ${NOT_BEFORE} where id = $1`,
    parameters: [id, now],
  };
}

export async function findPriceVersion(
  database: SqlExecutor,
  id: string,
): Promise<PriceVersionRow | undefined> {
  const { rows } = await database.execute<PriceVersionRow>({
    sql: `select ${VERSION_COLUMNS} from price_versions where id = $1`,
    parameters: [id],
  });
  return rows[0];
}

export async function findActivePriceVersion(
  database: SqlExecutor,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<PriceVersionRow | undefined> {
  const { rows } = await database.execute<PriceVersionRow>(
    {
      sql: `select ${VERSION_COLUMNS} from price_versions order by activated_at desc, id desc limit 1`,
      parameters: [],
    },
    options,
  );
  return rows[0];
}

/** The one activated last first. */
export async function listPriceVersions(
  database: SqlExecutor,
  page: { after: PriceVersionRow | undefined; limit: number },
): Promise<PriceVersionRow[]> {
  const { rows } = await database.execute<PriceVersionRow>({
    sql: `select ${VERSION_COLUMNS} from price_versions
      where $1::timestamptz is null or (activated_at, id) < ($1, $2)
      order by activated_at desc, id desc limit $3`,
    parameters: [page.after?.activated_at ?? null, page.after?.id ?? null, page.limit],
  });
  return rows;
}

export async function loadPrices(
  database: SqlExecutor,
  query: { versionId: string; limit: number },
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<PriceRow[]> {
  const { rows } = await database.execute<PriceRow>(
    {
      sql: `select ${PRICE_COLUMNS} from prices where version_id = $1 order by model limit $2`,
      parameters: [query.versionId, query.limit],
    },
    options,
  );
  return rows;
}
