import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INGEST_QUEUE, REBUILD_QUEUE } from '../../src/domains/knowledge/ingestion/queues.ts';
import type { KnowledgeDependencies } from '../../src/domains/knowledge/options.ts';
import { isIntact } from '../../src/domains/knowledge/rebuild/rebuild.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { BlobNotFoundError } from '../../src/ports/blob-store.ts';
import { DatabaseError } from '../../src/ports/database.ts';
import { RetryLaterError } from '../../src/ports/job-queue.ts';
import { StoreUnavailableError } from '../../src/ports/store-unavailable-error.ts';
import {
  type VectorIndex,
  VectorIndexCorruptError,
  VectorIndexError,
} from '../../src/ports/vector-index.ts';
import { IngestStage, paragraphsOf } from '../support/ingest-stage.ts';
import { withMethods } from '../support/store-methods.ts';

const CALL = { timeoutMs: 5_000 };
const LAST_TRY = { attempt: 4, isLastAttempt: true };

let stage: IngestStage;

beforeAll(async () => {
  stage = await IngestStage.open();
});

afterAll(() => stage.close());

beforeEach(() => stage.reset());

const index = () => stage.stores.index as VectorIndex;
const failing = (error: unknown) => () => Promise.reject(error);

/** As if the run that holds the generation had shown no sign of life for a long time. */
async function expireClaims(): Promise<void> {
  await stage.query(
    `update generations set claimed_until = now() - interval '1 minute' where claimed_by is not null`,
  );
}

async function expectWhole(fileId: string): Promise<void> {
  const state = await stage.stateOf(fileId);
  expect(state).toMatchObject({ status: 'completed', building: 0, claimed: 0, error: null });
  expect(state.chunks).toBe(state.chunk_count);
  expect(state.distinct_chunks).toBe(state.chunks);
  const { found, wanted } = await stage.rowsOf(state);
  expect(found).toEqual(wanted);
  const { blobs } = await stage.stores.blobs.list(`packs/${state.generation}/`, {
    ...CALL,
    limit: 10,
  });
  expect(blobs.length).toBeGreaterThan(0);
}

describe('two runs of one generation', () => {
  test.each([2, 10])(
    'a late one touches nothing of what the other has made current (%i paragraphs)',
    async (paragraphs) => {
      const fileId = await stage.attachText(paragraphsOf(paragraphs, 'ibises'));
      stage.midway(async () => {
        await expireClaims();
        await stage.run(fileId, { id: 'other' });
        await expectWhole(fileId);
      });
      await stage.run(fileId, { id: 'late' });
      await expectWhole(fileId);
    },
  );

  test('a late one that has parsed something else replaces no chunk', async () => {
    const fileId = await stage.attachText(paragraphsOf(10, 'egrets'));
    const { database } = stage.stores;
    let batches = 0;
    // The other run is over just before the first chunks of the late one are to be stored.
    const tools = stage.tools({
      database: withMethods(database, {
        batch: async (...parameters: Parameters<typeof database.batch>) => {
          batches += 1;
          if (batches === 1) {
            await expireClaims();
            await stage.run(fileId, { id: 'other' });
          }
          return database.batch(...parameters);
        },
      }),
    });
    const { prepare } = tools.preparer;
    const half = async (...parameters: Parameters<typeof prepare>) => {
      const file = await prepare(...parameters);
      return { ...file, chunks: file.chunks.slice(0, 6) };
    };
    await stage.run(fileId, { id: 'late' }, { ...tools, preparer: { prepare: half } });
    expect(batches).toBe(1);
    await expectWhole(fileId);
    expect((await stage.stateOf(fileId)).chunks).toBeGreaterThan(6);
  });

  test('never go on at once: the second waits', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'rails'));
    let second: unknown;
    stage.midway(async () => {
      second = await stage.run(fileId, { id: 'other' }).catch((error: unknown) => error);
    });
    await stage.run(fileId, { id: 'first' });
    expect(second).toBeInstanceOf(RetryLaterError);
    await expectWhole(fileId);
    await stage.run(fileId, { id: 'other' });
    await expectWhole(fileId);
  });

  test('of one job: the later one takes over at once, and the one before it stops', async () => {
    const fileId = await stage.attachText(paragraphsOf(10, 'coots'));
    stage.midway(() => stage.run(fileId, { id: 'same', attempt: 1 }));
    await stage.run(fileId, { id: 'same' });
    await expectWhole(fileId);
  });

  test('one that lost its claim while the other still works cleans nothing up', async () => {
    const fileId = await stage.attachText(paragraphsOf(10, 'swifts'));
    stage.midway(async () => {
      await stage.query(`update generations set claimed_by = 'other/1' where file_id = $1`, [
        fileId,
      ]);
    });
    await stage.run(fileId, { id: 'late' });
    expect(await stage.stateOf(fileId)).toMatchObject({ status: 'in_progress', building: 1 });
    await expireClaims();
    await stage.run(fileId, { id: 'other' });
    await expectWhole(fileId);
    // The part that the first run had embedded was used.
    expect(new Set(stage.embedding.asked).size).toBe(stage.embedding.asked.length);
  });

  test('puts the file into the queue again when it was overtaken', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'knots'));
    stage.midway(async () => {
      const { principal } = stage.context();
      await stage.knowledge.service.storeFiles.remove(principal, stage.storeId, fileId);
    });
    const { tools, enqueued } = stage.recordingTools();
    await stage.run(fileId, {}, tools);
    expect(enqueued).toContain(INGEST_QUEUE);
  });
});

describe('chunks', () => {
  test('that went missing are parsed again before anybody sees the generation', async () => {
    const fileId = await stage.attachText(paragraphsOf(10, 'terns'));
    let calls = 0;
    stage.embedding.before = () => {
      calls += 1;
      if (calls === 2) throw new AppError({ code: 'busy', status: 429, message: 'slow down' });
    };
    await expect(stage.run(fileId)).rejects.toBeInstanceOf(RetryLaterError);
    const removeOne = () =>
      stage.query(
        `delete from chunks where ordinal = 1 and generation_id in (select id from generations where file_id = $1)`,
        [fileId],
      );
    await removeOne();
    stage.midway(async () => {
      await removeOne();
    });
    await expect(stage.run(fileId)).rejects.toThrow('chunks of the file are missing');
    expect((await stage.stateOf(fileId)).status).toBe('in_progress');
    await stage.run(fileId);
    await expectWhole(fileId);
  });
});

describe('an outage', () => {
  const timeOut = new DOMException('too slow', 'TimeoutError');
  const CASES: [string, () => Partial<KnowledgeDependencies>][] = [
    [
      'of the blob store',
      () => {
        const error = new StoreUnavailableError('blob store', new Error('refused'));
        return { blobs: withMethods(stage.stores.blobs, { get: failing(error) }) };
      },
    ],
    ...(['unavailable', 'timeout', 'overloaded', 'closed'] as const).map(
      (code): [string, () => Partial<KnowledgeDependencies>] => [
        `of the vector index (${code})`,
        () => {
          const error = new VectorIndexError(code, 'away');
          return { index: withMethods(index(), { insert: failing(error) }) };
        },
      ],
    ),
    ['of its time', () => ({ index: withMethods(index(), { insert: failing(timeOut) }) })],
    [
      'of the database at the end',
      () => {
        const error = new DatabaseError('refused', { unavailable: true });
        return { database: withMethods(stage.stores.database, { batch: failing(error) }) };
      },
    ],
    [
      'of the database from the beginning',
      () => {
        const error = new DatabaseError('refused', { unavailable: true });
        return { database: withMethods(stage.stores.database, { execute: failing(error) }) };
      },
    ],
  ];

  test.each(CASES)('%s takes no try, not even the last one', async (_, broken) => {
    const fileId = await stage.attachText(paragraphsOf(2, 'auks'));
    const error = await stage
      .run(fileId, LAST_TRY, stage.tools(broken()))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryLaterError);
    expect(error).toMatchObject({ delayMs: 30_000 });
    expect((await stage.stateOf(fileId)).status).toBe('in_progress');
    await stage.run(fileId);
    await expectWhole(fileId);
  });

  test('of the model lets the file wait, free for any job, and not stalled meanwhile', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'loons'));
    stage.embedding.before = failing(
      new AppError({ code: 'upstream_unavailable', status: 503, message: 'away', retryable: true }),
    );
    await expect(stage.run(fileId, LAST_TRY)).rejects.toEqual(
      new RetryLaterError('the embedding model does not answer', 30_000),
    );
    const state = await stage.stateOf(fileId);
    expect(state).toMatchObject({ status: 'in_progress', claimed: 0 });
    expect(state.progressed.getTime()).toBeGreaterThan(Date.now() + 20_000);
  });

  test('that outlasts a day fails the file and says why', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'divers'));
    await stage.query(
      `update generations set created_at = now() - interval '25 hours' where file_id = $1`,
      [fileId],
    );
    const error = new VectorIndexError('unavailable', 'away');
    await stage.run(
      fileId,
      {},
      stage.tools({ index: withMethods(index(), { insert: failing(error) }) }),
    );
    expect(await stage.stateOf(fileId)).toMatchObject({
      status: 'failed',
      error:
        'The file waited 25 hours and could not be ingested: the vector index does not answer (unavailable). Attach the file again.',
    });
  });

  test('is no excuse for a file whose bytes are gone', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'grebes'));
    const blobs = withMethods(stage.stores.blobs, { get: failing(new BlobNotFoundError('x')) });
    await stage.run(fileId, {}, stage.tools({ blobs }));
    expect((await stage.stateOf(fileId)).status).toBe('failed');
  });

  test('by a corrupt collection has it repaired', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'skuas'));
    const broken = withMethods(index(), { insert: failing(new VectorIndexCorruptError('kb')) });
    const before = await stage.stores.jobs.counts(REBUILD_QUEUE);
    await expect(stage.run(fileId, LAST_TRY, stage.tools({ index: broken }))).rejects.toThrow(
      RetryLaterError,
    );
    const after = await stage.stores.jobs.counts(REBUILD_QUEUE);
    expect(after.waiting).toBe(before.waiting + 1);
  });
});

describe('rows of the index', () => {
  test.each([2, 10])(
    'that a rebuild dropped before the end are put back (%i paragraphs)',
    async (paragraphs) => {
      const fileId = await stage.attachText(paragraphsOf(paragraphs, 'finches'));
      let inserts = 0;
      const rebuilt = withMethods(index(), {
        insert: async (...parameters: Parameters<VectorIndex['insert']>) => {
          const [name, rows] = parameters;
          await index().insert(...parameters);
          inserts += 1;
          if (inserts > 1) return;
          await index().deleteGenerations(name, [rows[0]?.generationId ?? ''], CALL);
        },
      });
      await stage.run(fileId, {}, stage.tools({ index: rebuilt }));
      await expectWhole(fileId);
    },
  );

  test('whose whole collection is dropped before the end are put in again at once', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'buntings'));
    let drops = 0;
    const dropping = withMethods(index(), {
      insert: async (...parameters: Parameters<VectorIndex['insert']>) => {
        await index().insert(...parameters);
        drops += 1;
        if (drops === 1) await index().dropCollection(parameters[0], CALL);
      },
    });
    const tools = stage.tools({ index: dropping });
    await expect(stage.run(fileId, LAST_TRY, tools)).rejects.toMatchObject({ delayMs: 1_000 });
    await stage.run(fileId, LAST_TRY, tools);
    await expectWhole(fileId);
  });

  test('that are there twice are taken out and put in once', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'larks'));
    const calls: string[] = [];
    const doubling = withMethods(index(), {
      listIds: async (...parameters: Parameters<VectorIndex['listIds']>) => {
        const ids = await index().listIds(...parameters);
        calls.push('list');
        return calls.length === 1 ? [...ids, ...ids.slice(0, 1)] : ids;
      },
      deleteGenerations: async (...parameters: Parameters<VectorIndex['deleteGenerations']>) => {
        calls.push('delete');
        await index().deleteGenerations(...parameters);
      },
    });
    await stage.run(fileId, {}, stage.tools({ index: doubling }));
    expect(calls).toEqual(['list', 'delete', 'list']);
    await expectWhole(fileId);
  });

  test('of the newest generations are looked at first when the index is checked', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'dippers'));
    await stage.run(fileId);
    const [collection] = await stage.knowledge.service.listCollections();
    if (collection === undefined) throw new Error('no collection');
    // Other tests of this file have dropped it.
    await stage.knowledge.service.repairCollection(collection, stage.signal);
    expect(await isIntact(stage.deps(), collection, stage.signal)).toBe(true);
    const { generation } = await stage.stateOf(fileId);
    await index().deleteGenerations(collection.name, [generation], CALL);
    expect(await isIntact(stage.deps(), collection, stage.signal)).toBe(false);
    await stage.knowledge.service.repairCollection(collection, stage.signal);
    expect(await isIntact(stage.deps(), collection, stage.signal)).toBe(true);
  });

  test('cost a run without trouble one more call and no more', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'wrens'));
    let lists = 0;
    const counting = withMethods(index(), {
      listIds: (...parameters: Parameters<VectorIndex['listIds']>) => {
        lists += 1;
        return index().listIds(...parameters);
      },
    });
    await stage.run(fileId, {}, stage.tools({ index: counting }));
    expect(lists).toBe(1);
  });
});
