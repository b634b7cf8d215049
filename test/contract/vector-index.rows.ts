import { expect, it } from 'vitest';
import {
  CALL,
  errorCode,
  makeRow,
  STRONG,
  type SuiteContext,
  unitVector,
} from './vector-index.rows-support.ts';

const FILTER = { projectId: 'proj_a', vectorStoreIds: ['vs_a'] };
const ROW_ID_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.';

/** Insert, replace, delete, list and their limits. */
export function describeRows({ index, newCollection }: SuiteContext): void {
  it('shows inserted rows at once and replaces a row of the same id', async () => {
    const name = await newCollection(4);
    const search = async (axis: number) => {
      const query = { vector: unitVector(4, axis), filter: FILTER, limit: 5 };
      return (await index().searchVector(name, query, STRONG)).map(({ id, score }) => ({
        id,
        score: Number(score.toFixed(3)),
      }));
    };
    const row = (axis: number) => makeRow({ id: 'gen_a.0', vector: unitVector(4, axis) });
    await index().insert(name, [row(0)], CALL);
    expect(await search(0)).toEqual([{ id: 'gen_a.0', score: 1 }]);
    await index().insert(name, [row(0)], CALL);
    await index().insert(name, [row(1)], CALL);
    expect(await search(0)).toEqual([{ id: 'gen_a.0', score: 0 }]);
    expect(await search(1)).toEqual([{ id: 'gen_a.0', score: 1 }]);
    expect(await index().listIds(name, 'gen_a', CALL)).toEqual(['gen_a.0']);
  });

  it('deletes whole generations, and only them', async () => {
    const name = await newCollection(4);
    const rows = ['gen_a', 'gen_a.b', 'gen_b', 'gen_c'].flatMap((generation) =>
      [0, 1, 2].map((ordinal) =>
        makeRow({ id: `${generation}.${ordinal}`, vector: unitVector(4, ordinal) }),
      ),
    );
    await index().insert(name, rows, CALL);
    await index().deleteGenerations(name, [], CALL);
    await index().deleteGenerations(name, ['gen_a', 'gen_c', 'gen_none', 'gen "x"'], CALL);
    const query = { vector: unitVector(4, 0), filter: FILTER, limit: 20 };
    const left = (await index().searchVector(name, query, STRONG)).map((hit) => hit.generationId);
    expect(new Set(left)).toEqual(new Set(['gen_a.b', 'gen_b']));
    expect(left).toHaveLength(6);
    expect(await index().listIds(name, 'gen_a', CALL)).toEqual([]);
    // A deleted row may come back.
    await index().insert(name, rows.slice(0, 3), CALL);
    expect((await index().listIds(name, 'gen_a', CALL)).sort()).toEqual([
      ...['gen_a.0', 'gen_a.1', 'gen_a.2'],
    ]);
  });

  it('takes the largest insert and lists every id of a generation', async () => {
    const name = await newCollection(4);
    const { insertRowsMax } = index().capabilities;
    const rows = (generation: string) =>
      Array.from({ length: insertRowsMax }, (_, ordinal) =>
        makeRow({ id: `${generation}.${ordinal}`, vector: unitVector(4, ordinal % 4) }),
      );
    for (const generation of ['gen_a', 'gen_b', 'gen_a_2'])
      await index().insert(name, rows(generation), CALL);
    const ids = rows('gen_a').map((row) => row.id);
    expect((await index().listIds(name, 'gen_a', CALL)).sort()).toEqual(ids.sort());
    const tooMany = [...rows('gen_c'), makeRow({ id: 'gen_c.x', vector: unitVector(4, 0) })];
    expect(await errorCode(index().insert(name, tooMany, CALL))).toBe('invalid_request');
    expect(await index().listIds(name, 'gen_c', CALL)).toEqual([]);
    const all = { vector: unitVector(4, 0), filter: FILTER, limit: 1000 };
    expect(await index().searchVector(name, all, STRONG)).toHaveLength(1000);
  });

  it('keeps ids of every allowed character and refuses others', async () => {
    const name = await newCollection(4);
    const ids = [ROW_ID_CHARACTERS.slice(0, 64), ROW_ID_CHARACTERS.slice(-64), '-', '.', '0', 'a'];
    const insert = (id: string) =>
      index().insert(
        name,
        [makeRow({ id, generationId: 'gen_ids', vector: unitVector(4, 0) })],
        CALL,
      );
    for (const id of ids) await insert(id);
    expect((await index().listIds(name, 'gen_ids', CALL)).sort()).toEqual([...ids].sort());
    for (const id of ['', 'x'.repeat(65), 'a b', 'a"b', "a'b", 'a\\b', '重置', 'a\n', 'a/b'])
      expect(await errorCode(insert(id))).toBe('invalid_request');
  });

  it('refuses vectors that are none, ids twice and limits out of range', async () => {
    const name = await newCollection(4);
    const insert = (...vectors: Float32Array[]) =>
      errorCode(
        index().insert(
          name,
          vectors.map((vector) => makeRow({ id: 'gen_a.0', vector })),
          CALL,
        ),
      );
    expect(await insert(unitVector(5, 0))).toBe('invalid_request');
    expect(await insert(new Float32Array([1, Number.NaN, 0, 0]))).toBe('invalid_request');
    expect(await insert(unitVector(4, 0), unitVector(4, 1))).toBe('invalid_request');
    const search = (vector: Float32Array, limit: number) =>
      errorCode(index().searchVector(name, { vector, filter: FILTER, limit }, STRONG));
    expect(await search(unitVector(4, 0), 0)).toBe('invalid_request');
    expect(await search(unitVector(4, 0), index().capabilities.searchLimitMax + 1)).toBe(
      'invalid_request',
    );
    expect(await search(unitVector(3, 0), 1)).toBe('invalid_request');
    await index().insert(name, [], CALL);
  });

  it('leaves the vectors of the caller alone, views into one buffer too', async () => {
    const name = await newCollection(4);
    const buffer = new Float32Array([9, 9, 0, 1, 0, 0, 0, 0, 2, 0, 9]);
    const rows = [0, 1].map((ordinal) =>
      makeRow({
        id: `gen_a.${ordinal}`,
        vector: buffer.subarray(2 + 4 * ordinal, 6 + 4 * ordinal),
      }),
    );
    await index().insert(name, rows, CALL);
    const query = { vector: buffer.subarray(2, 6), filter: FILTER, limit: 2 };
    const hits = await index().searchVector(name, query, STRONG);
    expect(hits.map((hit) => [hit.id, hit.score.toFixed(3)])).toEqual([
      ['gen_a.0', '1.000'],
      ['gen_a.1', '0.000'],
    ]);
    expect([...buffer]).toEqual([9, 9, 0, 1, 0, 0, 0, 0, 2, 0, 9]);
  });
}
