/** One ranked list, best first. */
export interface RankedList {
  readonly hits: readonly { readonly id: string; readonly score: number }[];
  /** True when the list was cut off: items beyond it score at most as much as its last one. */
  readonly isCutOff: boolean;
}

const RRF_RANK_OFFSET = 60;

/**
 * Scores from 0 to 1 of a list. A cut-off list begins at its lowest score. A complete list of BM25 begins at 0, for
 * what is not in it shares no word with the query; a cosine has no such zero, so its list begins at its lowest.
 */
export function normalize(list: RankedList, floor: 'zero' | 'lowest'): Map<string, number> {
  const scores = list.hits.map((hit) => hit.score);
  const highest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const lowest = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const low = floor === 'zero' && !list.isCutOff ? Math.min(0, lowest) : lowest;
  const span = highest - low;
  return new Map(
    list.hits.map((hit) => [hit.id, span > 0 ? (hit.score - low) / span : 1] as const),
  );
}

/** Adds scores from 0 to 1 by their weights; the outcome is from 0 to 1 too. */
export function combine(
  lists: readonly { scores: ReadonlyMap<string, number>; weight: number }[],
): Map<string, number> {
  const total = lists.reduce((sum, list) => sum + list.weight, 0);
  const combined = new Map<string, number>();
  for (const { scores, weight } of lists) {
    for (const [id, score] of scores)
      combined.set(id, (combined.get(id) ?? 0) + (total > 0 ? (weight / total) * score : 0));
  }
  return combined;
}

/** Scores by rank alone, for reciprocal rank fusion: 1 for the first of a list. */
export function rankScores(ids: readonly string[]): Map<string, number> {
  return new Map(
    ids.map((id, index) => [id, (RRF_RANK_OFFSET + 1) / (RRF_RANK_OFFSET + index + 1)]),
  );
}

/** Ids by score, best first; equal scores by id, so that the same question has the same answer. */
export function idsByScore(scores: ReadonlyMap<string, number>): string[] {
  return [...scores].sort(([a, one], [b, two]) => two - one || (a < b ? -1 : 1)).map(([id]) => id);
}

/** The best score that any query gives an item. */
export function bestOf(lists: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const best = new Map<string, number>();
  for (const scores of lists) {
    for (const [id, score] of scores) best.set(id, Math.max(best.get(id) ?? 0, score));
  }
  return best;
}
