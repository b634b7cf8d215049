import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openZvecVectorIndex } from '../../src/adapters/vector-index/zvec.ts';
import { createKnowledge } from '../../src/domains/knowledge/index.ts';
import { collect } from '../../src/domains/knowledge/ingestion/collect.ts';
import { INGEST_QUEUE } from '../../src/domains/knowledge/ingestion/queues.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { silentLog } from '../../src/lib/log.ts';
import { RetryLaterError } from '../../src/ports/job-queue.ts';
import type { VectorIndex } from '../../src/ports/vector-index.ts';
import { IngestStage, paragraphsOf } from '../support/ingest-stage.ts';
import { type FaultPlan, withFaults } from '../support/store-faults.ts';

let stage: IngestStage;

beforeAll(async () => {
  stage = await IngestStage.open();
});

afterAll(() => stage.close());

beforeEach(() => stage.reset());

function toolsWith(plan: FaultPlan) {
  const { blobs, database, index } = stage.stores;
  return stage.tools({
    database: withFaults(database, plan, ['execute', 'batch', 'transaction']),
    blobs: withFaults(blobs, plan, ['put', 'get', 'delete', 'list']),
    index: withFaults(index as VectorIndex, plan, ['ensureCollection', 'insert', 'listIds']),
  });
}

describe('KB-3 a run that dies', () => {
  test.each(['before', 'after'] as const)(
    'just %s any of its calls is run again and doubles nothing',
    { timeout: 120_000 },
    async (when) => {
      for (const paragraphs of [2, 10]) {
        for (let at = 0; ; at += 1) {
          stage.embedding.asked.length = 0;
          const fileId = await stage.attachText(paragraphsOf(paragraphs, `birds ${when} ${at}`));
          const plan: FaultPlan = { at, when, calls: 0 };
          const died = await stage.run(fileId, {}, toolsWith(plan)).then(
            () => false,
            () => true,
          );
          await stage.run(fileId);
          const state = await stage.stateOf(fileId);
          expect(state).toMatchObject({
            status: 'completed',
            building: 0,
            chunks: state.chunk_count,
          });
          expect(state.distinct_chunks).toBe(state.chunks);
          const { found, wanted } = await stage.rowsOf(state);
          expect(found).toEqual(wanted);
          // At most the part that was under way is embedded twice.
          expect(stage.embedding.asked.length).toBeLessThanOrEqual(
            state.chunks + stage.options.embedBatchSize,
          );
          if (!died && plan.calls <= at) break;
        }
      }
    },
  );

  test('goes on at the first part without embeddings when the model was busy', async () => {
    const fileId = await stage.attachText(paragraphsOf(20, 'herons'));
    let calls = 0;
    stage.embedding.before = () => {
      calls += 1;
      if (calls === 3)
        throw new AppError({
          code: 'rate_limit_exceeded',
          status: 429,
          message: 'slow down',
          retryAfterMs: 7_000,
        });
    };
    const first = stage.run(fileId);
    await expect(first).rejects.toEqual(new RetryLaterError('the embedding model is busy', 7_000));
    expect(stage.embedding.asked).toHaveLength(8);
    const seen = await stage.knowledge.service.storeFiles.get(
      stage.context().principal,
      stage.storeId,
      fileId,
    );
    expect(seen.status).toBe('in_progress');
    expect(seen.progress.chunks_done).toBe(8);
    await stage.run(fileId);
    const { chunks } = await stage.stateOf(fileId);
    expect(stage.embedding.asked).toHaveLength(chunks);
    expect(new Set(stage.embedding.asked).size).toBe(chunks);
  });

  test('fails the file for good when no repetition helps, or at the last try', async () => {
    const refused = await stage.attachText(paragraphsOf(1, 'storks'));
    stage.embedding.before = () => {
      throw new AppError({ code: 'model_not_found', status: 404, message: 'no such model' });
    };
    await stage.run(refused);
    expect(await stage.stateOf(refused)).toMatchObject({
      status: 'failed',
      error: 'Embedding the file failed: no such model',
    });
    const broken = await stage.attachText(paragraphsOf(1, 'cranes'));
    stage.embedding.before = () => {
      throw new AppError({ code: 'upstream_error', status: 502, message: 'bad gateway' });
    };
    await expect(stage.run(broken)).rejects.toThrow('bad gateway');
    expect((await stage.stateOf(broken)).status).toBe('in_progress');
    await stage.run(broken, { attempt: 4, isLastAttempt: true });
    expect(await stage.stateOf(broken)).toMatchObject({ status: 'failed' });
    expect((await stage.stateOf(broken)).error).toContain('after 5 tries');
  });

  test('stops and leaves nothing when its file is taken out meanwhile', async () => {
    const fileId = await stage.attachText(paragraphsOf(10, 'gulls'));
    stage.embedding.before = async () => {
      stage.embedding.before = () => undefined;
      await stage.knowledge.service.storeFiles.remove(
        stage.context().principal,
        stage.storeId,
        fileId,
      );
      await collect(stage.deps(), stage.signal);
    };
    await stage.run(fileId);
    // Its run had it until then, and whatever the file waits for has a job again.
    expect((await stage.stores.jobs.counts(INGEST_QUEUE)).waiting).toBeGreaterThan(0);
    await collect(stage.deps(), stage.signal);
    expect(await stage.query('select id from generations where file_id = $1', [fileId])).toEqual(
      [],
    );
    const { blobs } = await stage.stores.blobs.list('packs/', { limit: 1000, timeoutMs: 5_000 });
    const known = await stage.query<{ id: string }>('select id from generations');
    const ids = new Set(known.map((row) => row.id));
    expect(blobs.filter((blob) => !ids.has(blob.key.split('/')[1] ?? ''))).toEqual([]);
  });
});

describe('KB-6 the index', () => {
  const texts = (hits: { content: string; score: number }[]) =>
    hits.map((hit) => [hit.content, hit.score.toFixed(6)]);
  const find = (query: string) =>
    stage.knowledge.service.search.find(stage.context(), stage.storeId, {
      queries: [query],
      filter: undefined,
      limit: 20,
      scoreThreshold: 0,
      weights: undefined,
    });

  test('is made again from SQL and packs, without an embedding, and proves it', async () => {
    const one = await stage.attachText(paragraphsOf(10, 'penguins'), 'one.txt');
    const two = await stage.attachText(paragraphsOf(3, 'pelicans'), 'two.txt');
    for (const fileId of [one, two]) await stage.run(fileId);
    const before = await find('penguins');
    const [collection] = await stage.knowledge.service.listCollections();
    if (collection === undefined) throw new Error('no collection');
    stage.embedding.asked.length = 0;
    const rebuilt = await stage.knowledge.service.rebuildCollection(collection, stage.signal);
    expect(rebuilt.failed).toEqual([]);
    expect(rebuilt.restored).toBe(rebuilt.generations);
    expect(rebuilt.generations).toBeGreaterThan(2);
    expect(stage.embedding.asked).toEqual([]);
    const proven = await stage.knowledge.service.repairCollection(collection, stage.signal);
    expect(proven).toEqual({ ...rebuilt, restored: 0 });
    expect(texts(await find('penguins'))).toEqual(texts(before));
  });

  test('that has lost its folder is repaired at the next start', async () => {
    const fileId = await stage.attachText(paragraphsOf(6, 'puffins'));
    await stage.run(fileId);
    const before = await find('puffins');
    const index = await openZvecVectorIndex({
      directory: join(stage.folder, 'another-index'),
      log: silentLog,
    });
    await stage.stores.index.close();
    stage.stores = { ...stage.stores, index };
    stage.knowledge = createKnowledge(stage.deps());
    await stage.knowledge.startWorkers();
    await expect
      .poll(async () => texts(await find('puffins')), { timeout: 30_000, interval: 100 })
      .toEqual(texts(before));
    await stage.knowledge.close();
  });
});
