import { seededRandom } from '../power-cut/seeded-random.ts';

/** Choices that are the same for the same seed. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** From 0 to `below - 1`. */
  integer(below: number): number;
  chance(probability: number): boolean;
  pick<T>(values: readonly [T, ...T[]] | readonly T[]): T;
}

export function randomOf(seed: number): Random {
  const next = seededRandom(seed);
  const integer = (below: number) => Math.floor(next() * below);
  return {
    next,
    integer,
    chance: (probability) => next() < probability,
    pick: <T>(values: readonly T[]): T => {
      if (values.length === 0) throw new Error('nothing to pick from');
      return values[integer(values.length)] as T;
    },
  };
}
