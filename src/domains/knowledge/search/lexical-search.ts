import type { SqlExecutor } from '../../../ports/database.ts';
import type { IndexHit, TokenField } from '../../../ports/vector-index.ts';
import { bm25Score } from './bm25.ts';
import {
  chunkFrequencies,
  corpusSize,
  type LexicalScope,
  listMatchingChunks,
} from './lexical-repository.ts';

const CANDIDATES_MAX = 5_000;
const QUERY_TOKENS_MAX = 64;

/**
 * BM25 from SQL, for an index without full text: candidates through the token indexes, exact scores here. When a
 * query has more candidates than can be read, its most common tokens are left out: they tell the least.
 */
export async function searchTextInSql(
  database: SqlExecutor,
  scope: LexicalScope,
  query: { field: TokenField; tokens: readonly string[]; limit: number },
): Promise<IndexHit[]> {
  const { field, limit } = query;
  const asked = [...new Set(query.tokens)].slice(0, QUERY_TOKENS_MAX);
  if (asked.length === 0) return [];
  const size = await corpusSize(database, scope, field);
  const chunkFrequency = await chunkFrequencies(database, scope, {
    field,
    tokens: asked,
    max: CANDIDATES_MAX + 1,
  });
  const tokens = tellingTokens(chunkFrequency);
  if (tokens.length === 0) return [];
  const candidates = { field, tokens, limit: CANDIDATES_MAX };
  const chunks = await listMatchingChunks(database, scope, candidates);
  const corpus = { ...size, chunkFrequency };
  return chunks
    .map((chunk) => ({
      id: `${chunk.generationId}.${chunk.ordinal}`,
      generationId: chunk.generationId,
      score: bm25Score(asked, chunk.tokens.split(' '), corpus),
    }))
    .sort((one, two) => two.score - one.score || (one.id < two.id ? -1 : 1))
    .slice(0, limit);
}

/** The rarest tokens whose chunks together are few enough to read; the rarest one in any case. */
export function tellingTokens(chunkFrequency: ReadonlyMap<string, number>): string[] {
  const rarestFirst = [...chunkFrequency]
    .filter(([, frequency]) => frequency > 0)
    .sort(([a, one], [b, two]) => one - two || (a < b ? -1 : 1));
  let candidates = 0;
  const telling: string[] = [];
  for (const [token, frequency] of rarestFirst) {
    if (telling.length > 0 && candidates + frequency > CANDIDATES_MAX) break;
    candidates += frequency;
    telling.push(token);
  }
  return telling;
}
