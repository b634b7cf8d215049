import { expect, it } from 'vitest';
import type { IndexFilter, IndexHit, IndexRow } from '../../src/ports/vector-index.ts';
import {
  CALL,
  cosine,
  errorCode,
  makeRow,
  STRONG,
  type SuiteContext,
  seededRandom,
  unitVector,
} from './vector-index.rows-support.ts';

const DIMENSIONS = 16;
const VOCABULARY = [...'abcdefgh']
  .map((letter) => `word${letter}`)
  .concat(['密码', '重置', '请假']);

/** Searches under filters, against a plain evaluation of the same question. */
export function describeFilters({ index, newCollection }: SuiteContext): void {
  it('finds exactly what a plain evaluation finds', async () => {
    const name = await newCollection(DIMENSIONS);
    const random = seededRandom(20_260_101);
    const rows = randomRows(random, 300);
    await index().insert(name, rows.slice(0, 150), CALL);
    await index().insert(name, rows.slice(150), CALL);
    await index().deleteGenerations(name, ['gen_3'], CALL);
    const kept = rows.filter((row) => row.generationId !== 'gen_3');
    for (let round = 0; round < 25; round++) {
      const filter = randomFilter(random);
      const matching = kept.filter((row) => matches(row, filter));
      const limit = 1 + Math.floor(random() * 40);
      const vector = randomVector(random);
      const hits = await index().searchVector(name, { vector, filter, limit }, STRONG);
      expectNearest(hits, matching, vector, limit);
      if (!index().capabilities.fullText) continue;
      const field = random() < 0.5 ? 'words' : 'characters';
      const tokens = [pick(VOCABULARY, random), pick(VOCABULARY, random), 'absent'];
      const query = { field, tokens, filter, limit: 1000 } as const;
      expectSharing(await index().searchText(name, query, STRONG), matching, field, tokens);
    }
  });

  it('takes a thousand generations and refuses more', async () => {
    const name = await newCollection(4);
    const row = makeRow({ id: 'gen_a.0', vector: unitVector(4, 0) });
    await index().insert(name, [row], CALL);
    const search = (generationIds: string[]) =>
      index().searchVector(
        name,
        {
          vector: row.vector,
          filter: { projectId: 'proj_a', vectorStoreIds: ['vs_a'], generationIds },
          limit: 5,
        },
        STRONG,
      );
    const others = Array.from({ length: 999 }, (_, i) => `gen_${'0'.repeat(24)}${i}`);
    expect((await search([...others, 'gen_a'])).map((hit) => hit.id)).toEqual(['gen_a.0']);
    expect(await errorCode(search([...others, 'gen_a', 'gen_b']))).toBe('invalid_request');
    expect(await search([])).toEqual([]);
  });

  it('takes hostile ids for what they are', async () => {
    const name = await newCollection(4);
    const hostile = [
      ...['"', "'", 'a"b', "a'b", '")', '"]', '%', '_', 'a%', '*', '?', '{x}', '$1', '#', '--'],
      ...['"||1==1||"', '"OR"1"="1', "')OR('1'='1", '/*', 'null', 'true', '1', 'in', '(', '[]'],
    ];
    const rows = [...hostile, 'proj_a'].map((value, i) =>
      makeRow({
        id: `row.${i}`,
        vector: unitVector(4, 0),
        projectId: value,
        vectorStoreId: value,
        generationId: value,
      }),
    );
    await index().insert(name, rows, CALL);
    const search = async (filter: IndexFilter) =>
      (
        await index().searchVector(name, { vector: unitVector(4, 0), filter, limit: 50 }, STRONG)
      ).map((hit) => hit.id);
    for (const row of rows) {
      const { projectId, vectorStoreId, generationId } = row;
      const filter = { projectId, vectorStoreIds: [vectorStoreId], generationIds: [generationId] };
      expect(await search(filter), projectId).toEqual([row.id]);
    }
    for (const value of ['', ' ', 'a\\', '\\" || 1 == 1 || \\"', 'a\nb', '重置', 'x'.repeat(500)]) {
      expect(await search({ projectId: value, vectorStoreIds: ['proj_a'] })).toEqual([]);
      expect(await search({ projectId: 'proj_a', vectorStoreIds: [value] })).toEqual([]);
      expect(await index().listIds(name, value, CALL)).toEqual([]);
    }
    expect(await index().listIds(name, '"||1==1||"', CALL)).toHaveLength(1);
    const all = rows.map((row) => row.vectorStoreId);
    expect(await search({ projectId: 'proj_a', vectorStoreIds: all })).toEqual([rows.at(-1)?.id]);
    await index().deleteGenerations(name, ['"||1==1||"', "'", '%'], CALL);
    const left = { projectId: '*', vectorStoreIds: ['*'] };
    expect(await search(left)).toHaveLength(1);
    expect(await index().listIds(name, 'true', CALL)).toHaveLength(1);
  });

  it('never searches without a store', async () => {
    const name = await newCollection(4);
    await index().insert(name, [makeRow({ id: 'gen_a.0', vector: unitVector(4, 0) })], CALL);
    const filter = { projectId: 'proj_a', vectorStoreIds: [] };
    const query = { vector: unitVector(4, 0), filter, limit: 5 };
    expect(await index().searchVector(name, query, STRONG)).toEqual([]);
  });

  it('takes vectors of zeros, which are near to nothing', async () => {
    const name = await newCollection(4);
    const vectors = [unitVector(4, 0), new Float32Array(4)];
    await index().insert(
      name,
      vectors.map((vector, ordinal) => makeRow({ id: `gen_a.${ordinal}`, vector })),
      CALL,
    );
    const filter = { projectId: 'proj_a', vectorStoreIds: ['vs_a'] };
    const search = (vector: Float32Array) =>
      index().searchVector(name, { vector, filter, limit: 5 }, STRONG);
    const [best, ...others] = await search(unitVector(4, 0));
    expect(best).toMatchObject({ id: 'gen_a.0', score: expect.closeTo(1, 4) });
    for (const hit of [...others, ...(await search(new Float32Array(4)))])
      expect(hit.score).toBeCloseTo(0, 4);
    expect(await index().listIds(name, 'gen_a', CALL)).toHaveLength(2);
  });
}

function expectNearest(
  hits: readonly IndexHit[],
  matching: readonly IndexRow[],
  vector: Float32Array,
  limit: number,
): void {
  const scores = new Map(matching.map((row) => [row.id, cosine(row.vector, vector)]));
  const expected = [...scores.values()].sort((a, b) => b - a).slice(0, limit);
  expect(hits).toHaveLength(expected.length);
  hits.forEach((hit, rank) => {
    // The score is the row's own cosine, and as good as the best possible one at this rank.
    expect(hit.score).toBeCloseTo(scores.get(hit.id) ?? Number.NaN, 4);
    expect(hit.score).toBeCloseTo(expected[rank] ?? Number.NaN, 4);
    expect(hit.generationId).toBe(matching.find((row) => row.id === hit.id)?.generationId);
  });
  expect(new Set(hits.map((hit) => hit.id)).size).toBe(hits.length);
}

function expectSharing(
  hits: readonly IndexHit[],
  matching: readonly IndexRow[],
  field: 'words' | 'characters',
  tokens: readonly string[],
): void {
  const sharing = matching.filter((row) => row[field].some((token) => tokens.includes(token)));
  expect(hits.map((hit) => hit.id).sort()).toEqual(sharing.map((row) => row.id).sort());
  hits.forEach((hit, rank) => {
    expect(hit.score).toBeGreaterThan(0);
    expect(hit.score).toBeLessThanOrEqual(hits[rank - 1]?.score ?? Number.POSITIVE_INFINITY);
  });
}

function matches(row: IndexRow, filter: IndexFilter): boolean {
  if (row.projectId !== filter.projectId) return false;
  if (!filter.vectorStoreIds.includes(row.vectorStoreId)) return false;
  return filter.generationIds?.includes(row.generationId) ?? true;
}

function randomRows(random: () => number, count: number): IndexRow[] {
  return Array.from({ length: count }, (_, ordinal) => {
    const generationId = `gen_${Math.floor(random() * 8)}`;
    const some = () => VOCABULARY.filter(() => random() < 0.25);
    return {
      id: `${generationId}.${ordinal}`,
      projectId: `proj_${Math.floor(random() * 3)}`,
      vectorStoreId: `vs_${Math.floor(random() * 4)}`,
      generationId,
      vector: randomVector(random),
      words: some(),
      characters: some(),
    };
  });
}

function randomFilter(random: () => number): IndexFilter {
  const some = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix}_${i}`).filter(() => random() < 0.5);
  return {
    projectId: `proj_${Math.floor(random() * 3)}`,
    vectorStoreIds: some('vs', 5),
    ...(random() < 0.6 ? { generationIds: some('gen', 9) } : {}),
  };
}

function randomVector(random: () => number): Float32Array {
  const length = 0.1 + random() * 10;
  return Float32Array.from({ length: DIMENSIONS }, () => (random() - 0.5) * length);
}

function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)] as T;
}
