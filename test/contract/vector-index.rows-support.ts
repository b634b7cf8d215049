import type { IndexRow, VectorIndex } from '../../src/ports/vector-index.ts';
import { VectorIndexError } from '../../src/ports/vector-index.ts';

export interface SuiteContext {
  index(): VectorIndex;
  /** A new empty collection, dropped at the end. */
  newCollection(dimensions: number): Promise<string>;
}

export const CALL = { timeoutMs: 30_000 };
export const STRONG = { ...CALL, consistency: 'strong' } as const;
export const BOUNDED = { ...CALL, consistency: 'bounded' } as const;

/** A row of `proj_a` and `vs_a`; the generation is the part of the id before its last dot. */
export function makeRow(row: Partial<IndexRow> & { id: string; vector: Float32Array }): IndexRow {
  return {
    projectId: 'proj_a',
    vectorStoreId: 'vs_a',
    generationId: row.id.slice(0, row.id.lastIndexOf('.')),
    words: ['plain'],
    characters: ['plain'],
    ...row,
  };
}

export function unitVector(dimensions: number, axis: number): Float32Array {
  const vector = new Float32Array(dimensions);
  vector[axis] = 1;
  return vector;
}

export function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    const other = b[i] ?? 0;
    dot += value * other;
    aa += value * value;
    bb += other * other;
  });
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export async function errorCode(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'no error';
  } catch (error) {
    if (error instanceof VectorIndexError) return error.code;
    throw error;
  }
}
