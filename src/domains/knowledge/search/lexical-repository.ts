import { sql } from 'kysely';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { TokenField } from '../../../ports/vector-index.ts';
import { statement } from '../repository.ts';

/** Which chunks a search looks at: the current ones of a store, or of some of its generations. */
export interface LexicalScope {
  readonly projectId: string;
  readonly storeId: string;
  readonly generationIds?: readonly string[];
}

const INDEX_TIMEOUT_MS = 600_000;

/**
 * Token indexes for the searches of this file, for installations whose vector index has no full text. Not in the
 * migrations, since everywhere else they would treble the cost of storing a chunk. Arrays and no text search vectors:
 * the tokens are final, and a parser would cut them again.
 */
export async function ensureTokenIndexes(database: SqlExecutor): Promise<void> {
  for (const [name, field] of [
    [sql.ref('chunks_by_word'), sql.ref('words')],
    [sql.ref('chunks_by_character'), sql.ref('characters')],
  ] as const) {
    const create = sql`create index if not exists ${name} on chunks using gin (string_to_array(${field}, ' '))`;
    await database.execute(statement(create), { timeoutMs: INDEX_TIMEOUT_MS });
  }
}

/** Number of visible chunks and of their tokens, without reading a chunk. */
export async function corpusSize(
  database: SqlExecutor,
  scope: LexicalScope,
  field: TokenField,
): Promise<{ chunkCount: number; totalLength: number }> {
  const length = field === 'words' ? sql`words_length` : sql`characters_length`;
  const { rows } = await database.execute(
    statement<{ chunkCount: number; totalLength: number }>(sql`
      select coalesce(sum(g.chunk_count), 0)::bigint as "chunkCount",
        coalesce(sum(g.${length}), 0)::bigint as "totalLength"
      from ${currentGenerations(scope)}`),
  );
  return rows[0] ?? { chunkCount: 0, totalLength: 0 };
}

/** In how many visible chunks each token is, counted up to `max`. */
export async function chunkFrequencies(
  database: SqlExecutor,
  scope: LexicalScope,
  query: { field: TokenField; tokens: readonly string[]; max: number },
): Promise<Map<string, number>> {
  const { rows } = await database.execute(
    statement<{ token: string; frequency: number }>(sql`select t.token, (select count(*) from (
        select from chunks c where ${tokensOf(query.field)} @> array[t.token] and ${isCurrent(scope)}
        limit ${query.max}::int) found) as frequency
      from unnest(${query.tokens}::text[]) as t (token)`),
  );
  return new Map(rows.map((row) => [row.token, row.frequency]));
}

/** Visible chunks that hold at least one of the tokens. */
export async function listMatchingChunks(
  database: SqlExecutor,
  scope: LexicalScope,
  query: { field: TokenField; tokens: readonly string[]; limit: number },
): Promise<{ generationId: string; ordinal: number; tokens: string }[]> {
  const { rows } = await database.execute(
    statement<{ generationId: string; ordinal: number; tokens: string }>(sql`
      select c.generation_id as "generationId", c.ordinal, ${fieldOf(query.field)} as tokens from chunks c
      where ${tokensOf(query.field)} && ${query.tokens}::text[] and ${isCurrent(scope)} limit ${query.limit}::int`),
  );
  return rows;
}

function fieldOf(field: TokenField) {
  return field === 'words' ? sql`c.words` : sql`c.characters`;
}

function tokensOf(field: TokenField) {
  return sql`string_to_array(${fieldOf(field)}, ' ')`;
}

function isCurrent(scope: LexicalScope) {
  return sql`c.generation_id in (select g.id from ${currentGenerations(scope)})`;
}

function currentGenerations(scope: LexicalScope) {
  const some =
    scope.generationIds === undefined ? sql`` : sql`and g.id = any(${scope.generationIds}::text[])`;
  return sql`generations g join vector_store_files v on v.current_generation_id = g.id
      and v.vector_store_id = g.vector_store_id and v.file_id = g.file_id
    where v.vector_store_id = ${scope.storeId} and v.project_id = ${scope.projectId}
      and v.deleted_at is null ${some}`;
}
