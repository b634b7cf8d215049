const K1 = 1.2;
const B = 0.75;

export interface CorpusStatistics {
  readonly chunkCount: number;
  /** Tokens of all chunks together. */
  readonly totalLength: number;
  /** In how many chunks each token of the query is. */
  readonly chunkFrequency: ReadonlyMap<string, number>;
}

/** BM25 of one chunk for the distinct tokens of a query, with the parameters that Milvus and zvec use. */
export function bm25Score(
  queryTokens: readonly string[],
  chunkTokens: readonly string[],
  corpus: CorpusStatistics,
): number {
  const frequencies = new Map<string, number>();
  for (const token of chunkTokens) frequencies.set(token, (frequencies.get(token) ?? 0) + 1);
  const averageLength = corpus.totalLength / Math.max(1, corpus.chunkCount);
  const norm = K1 * (1 - B + (B * chunkTokens.length) / Math.max(1, averageLength));
  let score = 0;
  for (const token of queryTokens) {
    const frequency = frequencies.get(token);
    const containing = corpus.chunkFrequency.get(token);
    if (frequency === undefined || containing === undefined) continue;
    const rarity = Math.log(1 + (corpus.chunkCount - containing + 0.5) / (containing + 0.5));
    score += (rarity * frequency * (K1 + 1)) / (frequency + norm);
  }
  return score;
}
