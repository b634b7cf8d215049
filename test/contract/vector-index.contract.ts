import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VectorIndex } from '../../src/ports/vector-index.ts';
import { describeFilters } from './vector-index.filters.ts';
import { describeRows } from './vector-index.rows.ts';
import { describeText } from './vector-index.text.ts';
import {
  BOUNDED,
  CALL,
  errorCode,
  makeRow,
  type SuiteContext,
  STRONG,
  unitVector,
} from './vector-index.rows-support.ts';

export interface VectorIndexHarness {
  /** Opens the same stored index; called again for a second instance and after a close. */
  open(): Promise<VectorIndex>;
  /** True when two instances may be open at once. */
  readonly sharesInstances: boolean;
}

/** What every adapter of the vector index must do. */
export function describeVectorIndex(title: string, harness: VectorIndexHarness): void {
  describe(title, () => {
    const made: string[] = [];
    let index: VectorIndex;
    beforeAll(async () => {
      index = await harness.open();
    });
    afterAll(async () => {
      for (const name of made) await index.dropCollection(name, CALL);
      await index.close();
    });
    const context: SuiteContext = {
      index: () => index,
      newCollection: async (dimensions) => {
        const name = `kb_test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
        made.push(name);
        await index.ensureCollection({ name, dimensions }, CALL);
        return name;
      },
    };

    describeCollections(context, harness);
    describeRows(context);
    describeFilters(context);
    describeText(context);
    describeInterruption(context);

    it('still has everything after close and open', async () => {
      const name = await context.newCollection(4);
      await index.insert(name, [makeRow({ id: 'gen_a.0', vector: unitVector(4, 0) })], CALL);
      await index.close();
      await expect(index.check(CALL)).rejects.toMatchObject({ code: 'closed' });
      await index.close();
      index = await harness.open();
      expect(await index.listIds(name, 'gen_a', CALL)).toEqual(['gen_a.0']);
      const query = { vector: unitVector(4, 0), filter: FILTER, limit: 1 };
      expect((await index.searchVector(name, query, STRONG)).map((hit) => hit.id)).toEqual([
        'gen_a.0',
      ]);
    });
  });
}

const FILTER = { projectId: 'proj_a', vectorStoreIds: ['vs_a'] };

function describeCollections({ index, newCollection }: SuiteContext, harness: VectorIndexHarness) {
  it('says what it is and answers', async () => {
    expect(index().capabilities.description).toMatch(/\d+\.\d+/);
    expect(index().capabilities.insertRowsMax).toBeGreaterThanOrEqual(100);
    expect(index().capabilities.searchLimitMax).toBeGreaterThanOrEqual(1000);
    await index().check(CALL);
  });

  it('creates a collection once, also when instances race', async () => {
    const second = harness.sharesInstances ? await harness.open() : index();
    const name = await newCollection(4);
    await index().dropCollection(name, CALL);
    const define = (instance: VectorIndex) =>
      instance.ensureCollection({ name, dimensions: 4 }, CALL);
    await Promise.all([define(index()), define(second), define(index()), define(second)]);
    await second.insert(name, [makeRow({ id: 'gen_a.0', vector: unitVector(4, 0) })], CALL);
    await define(index());
    expect(await index().listIds(name, 'gen_a', CALL)).toEqual(['gen_a.0']);
    if (second !== index()) await second.close();
  });

  it('refuses a collection of another schema, and names that are none', async () => {
    const name = await newCollection(4);
    const ensure = (definition: { name: string; dimensions: number }) =>
      errorCode(index().ensureCollection(definition, CALL));
    expect(await ensure({ name, dimensions: 8 })).toBe('collection_mismatch');
    expect(await ensure({ name: '../etc', dimensions: 4 })).toBe('invalid_request');
    expect(await ensure({ name: 'kb_large', dimensions: 8193 })).toBe('invalid_request');
    expect(await errorCode(index().dropCollection('..', CALL))).toBe('invalid_request');
  });

  it('tells a missing collection from an empty one', async () => {
    const name = await newCollection(4);
    const query = { vector: unitVector(4, 0), filter: FILTER, limit: 5 };
    expect(await index().searchVector(name, query, STRONG)).toEqual([]);
    expect(await index().listIds(name, 'gen_a', CALL)).toEqual([]);
    await index().dropCollection(name, CALL);
    await index().dropCollection(name, CALL);
    await index().deleteGenerations(name, ['gen_a'], CALL);
    const row = makeRow({ id: 'gen_a.0', vector: unitVector(4, 0) });
    for (const call of [
      () => index().searchVector(name, query, STRONG),
      () => index().searchVector(name, query, BOUNDED),
      () => index().insert(name, [row], CALL),
      () => index().listIds(name, 'gen_a', CALL),
    ]) {
      expect(await errorCode(call())).toBe('collection_missing');
    }
  });

  it('keeps collections apart', async () => {
    const [one, two] = [await newCollection(4), await newCollection(4)];
    const row = makeRow({ id: 'gen_a.0', vector: unitVector(4, 0) });
    await index().insert(one, [row], CALL);
    expect(await index().listIds(two, 'gen_a', CALL)).toEqual([]);
    await index().insert(two, [row], CALL);
    await index().deleteGenerations(two, ['gen_a'], CALL);
    expect(await index().listIds(one, 'gen_a', CALL)).toEqual(['gen_a.0']);
  });
}

function describeInterruption({ index, newCollection }: SuiteContext) {
  it('rejects at once when the signal aborts, with its reason', async () => {
    const name = await newCollection(4);
    const query = { vector: unitVector(4, 0), filter: FILTER, limit: 5 };
    const before = AbortSignal.abort(new Error('gone before'));
    await expect(index().searchVector(name, query, { ...STRONG, signal: before })).rejects.toThrow(
      'gone before',
    );
    const controller = new AbortController();
    const row = makeRow({ id: 'gen_a.0', vector: unitVector(4, 0) });
    const insert = index().insert(name, [row], { ...CALL, signal: controller.signal });
    controller.abort(new Error('gone meanwhile'));
    await expect(insert).rejects.toThrow('gone meanwhile');
  });

  it('gives up after the time it was given, and can be asked again', async () => {
    const name = await newCollection(1024);
    const rows = Array.from({ length: 100 }, (_, ordinal) =>
      makeRow({ id: `gen_a.${ordinal}`, vector: unitVector(1024, ordinal) }),
    );
    expect(await errorCode(index().insert(name, rows, { timeoutMs: 1 }))).toBe('timeout');
    await index().insert(name, rows, CALL);
    expect(await index().listIds(name, 'gen_a', CALL)).toHaveLength(100);
  });
}
