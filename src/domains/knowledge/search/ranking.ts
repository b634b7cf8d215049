import { BUILTIN_EMBEDDING_MODEL } from '../../gateway/index.ts';
import { type Candidates, visibleList } from './candidates.ts';
import { combine, idsByScore, normalize, rankScores } from './fusion.ts';
import type { HybridWeights } from './search-request.ts';

// Measured on Chinese, English and code with a small multilingual model: within 0.001 of the best share on each.
const DENSE_SHARE = 0.5;
// The built-in embedder sees the same words as BM25 and knows less of their rarity: it helps with inflected words
// and typing errors, and no further.
const LEXICAL_EMBEDDER_SHARE = 0.2;

export interface RankOptions {
  readonly model: string;
  readonly weights: HybridWeights | undefined;
  readonly depth: number;
}

/** One score from 0 to 1 for each visible candidate of a question. */
export function rank(
  candidates: Candidates,
  isVisible: (id: string) => boolean,
  options: RankOptions,
): Map<string, number> {
  const { depth, model, weights } = options;
  const dense = normalize(visibleList(candidates.dense, isVisible, depth), 'lowest');
  const lexical = combine([
    { scores: normalize(visibleList(candidates.words, isVisible, depth), 'zero'), weight: 1 },
    { scores: normalize(visibleList(candidates.characters, isVisible, depth), 'zero'), weight: 1 },
  ]);
  if (weights !== undefined)
    return combine([
      { scores: rankScores(idsByScore(dense)), weight: weights.embedding_weight },
      { scores: rankScores(idsByScore(lexical)), weight: weights.text_weight },
    ]);
  const share = denseShare(model);
  // Where no word is shared the nearest neighbours are all there is.
  if (lexical.size === 0) return dense;
  return combine([
    { scores: dense, weight: share },
    { scores: stretch(lexical), weight: 1 - share },
  ]);
}

function denseShare(model: string): number {
  return model === BUILTIN_EMBEDDING_MODEL ? LEXICAL_EMBEDDER_SHARE : DENSE_SHARE;
}

/** The best of the two lexical lists may be second in both; as one list it reaches 1 again. */
function stretch(scores: ReadonlyMap<string, number>): Map<string, number> {
  const highest = [...scores.values()].reduce((a, b) => Math.max(a, b), 0);
  if (highest === 0) return new Map(scores);
  return new Map([...scores].map(([id, score]) => [id, score / highest]));
}
