import { isStopTerm, termsOf } from './lexical-terms.ts';

const WORD_WEIGHT = 1;
const TRIGRAM_WEIGHT = 0.4;
const HAN_CHARACTER_WEIGHT = 0.4;
const HAN_PAIR_WEIGHT = 1;
const STOP_FACTOR = 0.15;

/**
 * A vector of hashed words, letter trigrams, Han characters and pairs; unit length. Texts that share terms are near
 * each other and nothing more: it knows no synonyms. The same text gives the same vector on every machine.
 */
export function embedLexically(text: string, dimensions: number): Float32Array {
  const weights = weightedFeatures(text);
  // A text without any letter still needs a direction.
  if (weights.size === 0) weights.set(`raw:${text}`, 1);
  const vector = new Float32Array(dimensions);
  for (const [feature, weight] of weights) {
    const hash = hashOf(feature);
    const index = hash % dimensions;
    // The sign makes collisions cancel out on average instead of adding up.
    const sign = hash & 0x80000000 ? -1 : 1;
    vector[index] = (vector[index] ?? 0) + sign * Math.sqrt(weight);
  }
  return unitLength(vector);
}

function weightedFeatures(text: string): Map<string, number> {
  const weights = new Map<string, number>();
  const add = (feature: string, weight: number) =>
    weights.set(feature, (weights.get(feature) ?? 0) + weight);
  const { words, han } = termsOf(text);
  for (const word of words) {
    const factor = isStopTerm(word) ? STOP_FACTOR : 1;
    add(`w:${word}`, WORD_WEIGHT * factor);
    const padded = `^${word}$`;
    for (let start = 0; start + 3 <= padded.length; start += 1)
      add(`t:${padded.slice(start, start + 3)}`, (TRIGRAM_WEIGHT * factor) / word.length);
  }
  for (const term of han) {
    const weight = term.length > 1 ? HAN_PAIR_WEIGHT : HAN_CHARACTER_WEIGHT;
    add(`h:${term}`, weight * (isStopTerm(term) ? STOP_FACTOR : 1));
  }
  return weights;
}

/** FNV-1a over UTF-16 units, then a final mix so that the remainder of a small number is even. */
function hashOf(feature: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < feature.length; index += 1) {
    hash = Math.imul(hash ^ feature.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function unitLength(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  // Two features that hash onto each other with opposite signs can cancel out completely.
  if (length === 0) vector[0] = 1;
  else
    for (let index = 0; index < vector.length; index += 1)
      vector[index] = (vector[index] ?? 0) / length;
  return vector;
}
