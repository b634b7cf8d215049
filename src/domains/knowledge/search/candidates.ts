import type { IndexFilter, IndexHit, SearchOptions } from '../../../ports/vector-index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import type { StoreRecord } from '../stores/store-record.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { RankedList } from './fusion.ts';
import { searchTextInSql } from './lexical-search.ts';

/** A question in the forms in which the lists are searched. */
export interface PreparedQuery {
  readonly vector: Float32Array;
  readonly words: readonly string[];
  readonly characters: readonly string[];
}

/** What the three searches find for one question. */
export interface Candidates {
  readonly dense: IndexHit[];
  readonly words: IndexHit[];
  readonly characters: IndexHit[];
}

export function prepareQuery(
  text: string,
  vector: Float32Array,
  tokenizer: Tokenizer,
): PreparedQuery {
  return { vector, words: tokenizer.words(text), characters: tokenizer.characters(text) };
}

/** Searches the three lists at once, each `depth` deep. */
export async function findCandidates(
  deps: KnowledgeDependencies,
  store: StoreRecord,
  query: PreparedQuery,
  where: { filter: IndexFilter; depth: number; options: SearchOptions },
): Promise<Candidates> {
  const { database, index } = deps;
  const { filter, depth: limit, options } = where;
  const scope = {
    projectId: store.project_id,
    storeId: store.id,
    generationIds: filter.generationIds,
  };
  const text = async (field: 'words' | 'characters') => {
    const tokens = query[field];
    if (tokens.length === 0) return [];
    if (!index.capabilities.fullText)
      return await searchTextInSql(database, scope, { field, tokens, limit });
    return await index.searchText(store.collection, { field, tokens, filter, limit }, options);
  };
  const { vector } = query;
  const [dense, words, characters] = await Promise.all([
    index.searchVector(store.collection, { vector, filter, limit }, options),
    text('words'),
    text('characters'),
  ]);
  return { dense, words, characters };
}

/** The list without what may not be seen. */
export function visibleList(
  hits: readonly IndexHit[],
  isVisible: (id: string) => boolean,
  depth: number,
): RankedList {
  return { hits: hits.filter((hit) => isVisible(hit.id)), isCutOff: hits.length >= depth };
}
