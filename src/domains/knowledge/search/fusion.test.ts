import { describe, expect, it } from 'vitest';
import { bm25Score } from './bm25.ts';
import { bestOf, combine, idsByScore, normalize, rankScores } from './fusion.ts';
import { tellingTokens } from './lexical-search.ts';
import { rank } from './ranking.ts';

const list = (scores: Record<string, number>, isCutOff = false) => ({
  hits: Object.entries(scores).map(([id, score]) => ({ id, score, generationId: id })),
  isCutOff,
});
const hits = (scores: Record<string, number>) => list(scores).hits;
const all = () => true;

describe('normalize', () => {
  it('stretches from the lowest to the highest', () => {
    expect(normalize(list({ a: 0.9, b: 0.8, c: 0.5 }), 'lowest')).toEqual(
      new Map([
        ['a', 1],
        ['b', (0.8 - 0.5) / (0.9 - 0.5)],
        ['c', 0],
      ]),
    );
  });

  it('begins at zero where everything else scores zero', () => {
    expect(normalize(list({ a: 8, b: 6 }), 'zero').get('b')).toBe(0.75);
    expect(normalize(list({ a: 8, b: 6 }, true), 'zero').get('b')).toBe(0);
  });

  it('gives 1 to a list of equals and nothing for nothing', () => {
    expect([...normalize(list({ a: 3, b: 3 }), 'lowest').values()]).toEqual([1, 1]);
    expect(normalize(list({}), 'zero').size).toBe(0);
  });
});

describe('combine', () => {
  it('adds by weight and stays between 0 and 1', () => {
    const scores = combine([
      { scores: new Map([['a', 1]]), weight: 3 },
      {
        scores: new Map([
          ['a', 1],
          ['b', 1],
        ]),
        weight: 1,
      },
    ]);
    expect([...scores]).toEqual([
      ['a', 1],
      ['b', 0.25],
    ]);
  });

  it('orders equal scores by id', () => {
    const scores = new Map([
      ['c', 0.5],
      ['a', 0.5],
      ['b', 0.9],
    ]);
    expect(idsByScore(scores)).toEqual(['b', 'a', 'c']);
  });

  it('takes the best of several queries', () => {
    const best = bestOf([new Map([['a', 0.2]]), new Map([['a', 0.7]]), new Map([['b', 0.1]])]);
    expect(Object.fromEntries(best)).toEqual({ a: 0.7, b: 0.1 });
  });

  it('scores ranks from 1 downwards', () => {
    expect(rankScores(['a', 'b']).get('b')).toBeCloseTo(61 / 62);
  });
});

describe('rank', () => {
  const candidates = {
    dense: hits({ a: 0.9, b: 0.7, c: 0.1 }),
    words: hits({ b: 9, d: 1 }),
    characters: hits({ b: 5, a: 1 }),
  };
  const options = { model: 'some-model', weights: undefined, depth: 100 };

  it('never lets an invisible chunk shape the scores of the others', () => {
    const isVisible = (id: string) => id !== 'b';
    const scores = rank(candidates, isVisible, options);
    expect(scores.has('b')).toBe(false);
    const without = {
      dense: candidates.dense.filter((hit) => hit.id !== 'b'),
      words: candidates.words.filter((hit) => hit.id !== 'b'),
      characters: candidates.characters.filter((hit) => hit.id !== 'b'),
    };
    expect(scores).toEqual(rank(without, all, options));
  });

  it('puts what both lists know first, and every score between 0 and 1', () => {
    const scores = rank(candidates, all, options);
    expect(idsByScore(scores)[0]).toBe('b');
    for (const score of scores.values()) {
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
    }
  });

  it('is all dense where no word is shared', () => {
    const scores = rank({ ...candidates, words: [], characters: [] }, all, options);
    expect(scores.get('a')).toBe(1);
  });

  it('trusts the built-in embedder less than a model', () => {
    const apart = { dense: hits({ a: 1, b: 0 }), words: hits({ b: 1 }), characters: [] };
    const builtin = rank(apart, all, { ...options, model: 'llamp-builtin-lexical' });
    expect(idsByScore(builtin)[0]).toBe('b');
    expect(builtin.get('a')).toBeCloseTo(0.2);
    expect(rank(apart, all, options).get('a')).toBeCloseTo(0.5);
  });

  it('follows the weights of reciprocal rank fusion', () => {
    const only = { embedding_weight: 1, text_weight: 0 };
    expect(idsByScore(rank(candidates, all, { ...options, weights: only }))[0]).toBe('a');
    const text = { embedding_weight: 0, text_weight: 1 };
    expect(idsByScore(rank(candidates, all, { ...options, weights: text }))[0]).toBe('b');
  });
});

describe('bm25', () => {
  const corpus = {
    chunkCount: 10,
    totalLength: 100,
    chunkFrequency: new Map([
      ['rare', 1],
      ['common', 9],
    ]),
  };

  it('values rare words, repetition and short chunks', () => {
    const filler = Array.from({ length: 9 }, (_, i) => `w${i}`);
    const score = (tokens: string[]) => bm25Score(['rare', 'common', 'absent'], tokens, corpus);
    expect(score(['rare', ...filler])).toBeGreaterThan(score(['common', ...filler]));
    expect(score(['rare', 'rare', ...filler])).toBeGreaterThan(score(['rare', ...filler]));
    expect(score(['rare'])).toBeGreaterThan(score(['rare', ...filler]));
    expect(score(filler)).toBe(0);
  });

  it('agrees with the formula', () => {
    const idf = Math.log(1 + (10 - 1 + 0.5) / 1.5);
    const expected = (idf * 2 * 2.2) / (2 + 1.2 * (1 - 0.75 + (0.75 * 2) / 10));
    expect(bm25Score(['rare'], ['rare', 'rare'], corpus)).toBeCloseTo(expected);
  });

  it('leaves out the most common tokens when too many chunks hold them', () => {
    const frequencies = new Map([
      ['everywhere', 4_990],
      ['some', 30],
      ['rare', 2],
      ['nowhere', 0],
    ]);
    expect(tellingTokens(frequencies)).toEqual(['rare', 'some']);
    expect(tellingTokens(new Map([['everywhere', 5_001]]))).toEqual(['everywhere']);
  });
});
