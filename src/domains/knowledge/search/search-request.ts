import { knowledgeError } from '../errors.ts';
import { type Filter, parseFilter } from './filter.ts';

export interface SearchBody {
  readonly query: string | readonly string[];
  readonly filters?: unknown;
  readonly max_num_results?: number;
  readonly ranking_options?: RankingOptions;
  /** Accepted and not used: the question is searched as it is. */
  readonly rewrite_query?: boolean;
}

export interface RankingOptions {
  readonly ranker?: string;
  readonly score_threshold?: number;
  readonly hybrid_search?: HybridWeights;
}

export interface HybridWeights {
  readonly embedding_weight: number;
  readonly text_weight: number;
}

export interface SearchRequest {
  readonly queries: readonly string[];
  readonly filter: Filter | undefined;
  readonly limit: number;
  readonly scoreThreshold: number;
  /** When given, reciprocal rank fusion with these weights, as the API describes it. */
  readonly weights: HybridWeights | undefined;
}

const LIMIT_DEFAULT = 10;

/** What the schema of the body cannot say: questions with content, filters with a meaning, weights that add up. */
export function parseSearch(body: SearchBody): SearchRequest {
  const queries = [body.query].flat();
  const empty = queries.findIndex((query) => query.trim() === '');
  if (empty >= 0) {
    const param = typeof body.query === 'string' ? 'query' : `query[${empty}]`;
    throw knowledgeError('invalid_text', `'${param}' must not be empty.`, { param });
  }
  const weights = body.ranking_options?.hybrid_search;
  if (weights !== undefined && weights.embedding_weight + weights.text_weight <= 0)
    throw knowledgeError(
      'invalid_ranking_options',
      'One weight of hybrid_search must be above zero.',
      { param: 'ranking_options.hybrid_search' },
    );
  return {
    queries,
    filter:
      body.filters === undefined || body.filters === null ? undefined : parseFilter(body.filters),
    limit: body.max_num_results ?? LIMIT_DEFAULT,
    scoreThreshold: body.ranking_options?.score_threshold ?? 0,
    weights,
  };
}
