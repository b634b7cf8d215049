import type { MilvusClient } from '@zilliz/milvus2-sdk-node';
import { VectorIndexError } from '../../ports/vector-index.ts';
import { generationExpression, idExpression, MILVUS_FILTERS } from './filter-expression.ts';
import type { CallScope, MilvusCalls } from './milvus-calls.ts';

/** Largest answer of one query. */
const QUERY_ROWS_MAX = 16_384;
const WINDOW_ROWS = 1000;
const LISTED_MAX = 100_000;
/** `ConsistencyLevelEnum.Strong` of the SDK, whose module is loaded only when Milvus is used. */
const STRONG = 0;

/**
 * Ids of a generation. Beyond one answer they are asked for in windows of known ids: neither the SDK's iterators nor
 * paging by key are right on every server (milvus-lite answers unordered).
 */
export async function listGenerationIds(
  client: MilvusClient,
  calls: MilvusCalls,
  scope: CallScope,
  generationId: string,
): Promise<string[]> {
  const inGeneration = generationExpression([generationId], MILVUS_FILTERS);
  const query = (filter: string, limit: number) =>
    calls.requestLoaded(scope, (timeout) =>
      client.query({
        collection_name: scope.collection ?? '',
        filter,
        output_fields: ['id'],
        limit,
        consistency_level: STRONG,
        timeout,
      }),
    );
  const first = idsOf((await query(inGeneration, QUERY_ROWS_MAX)).data);
  if (first.length < QUERY_ROWS_MAX) return first;

  const found = new Set(first);
  // Rows are numbered from 0 without gaps; the first window past them is empty.
  for (let start = 0; ; start += WINDOW_ROWS) {
    const ids = Array.from({ length: WINDOW_ROWS }, (_, i) => `${generationId}.${start + i}`);
    const { data } = await query(idExpression(ids), WINDOW_ROWS);
    if (data.length === 0) return [...found];
    for (const id of idsOf(data)) found.add(id);
    if (found.size > LISTED_MAX)
      throw new VectorIndexError('failed', `more than ${LISTED_MAX} rows to list`);
  }
}

function idsOf(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => String(row['id']));
}
