import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../src/domains/knowledge/ingestion/collect.ts';
import type { IngestTools } from '../../src/domains/knowledge/ingestion/ingest.ts';
import { INGEST_QUEUE, REBUILD_QUEUE } from '../../src/domains/knowledge/ingestion/queues.ts';
import type { KnowledgeDependencies } from '../../src/domains/knowledge/options.ts';
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

const CALL = { timeoutMs: 5_000 };
const LAST_TRY = { attempt: 4, isLastAttempt: true };

let stage: IngestStage;

beforeAll(async () => {
  stage = await IngestStage.open();
});

afterAll(() => stage.close());

beforeEach(() => stage.reset());

/** The store with some methods of the test's own, which get the real one first. */
function withMethods<Store extends object>(
  store: Store,
  methods: Partial<Record<keyof Store & string, (...parameters: never[]) => unknown>>,
): Store {
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(methods, name);
      const value: unknown = own ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const index = () => stage.stores.index as VectorIndex;
const failing = (error: unknown) => () => Promise.reject(error);

/** Does something at the next embedding, that is, in the middle of a run. */
function midway(work: () => Promise<void>): void {
  stage.embedding.before = async () => {
    stage.embedding.before = () => undefined;
    await work();
  };
}

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

/** Tools whose queue tells what was put into it. */
function recordingTools(): { tools: IngestTools; enqueued: string[] } {
  const enqueued: string[] = [];
  const jobs = withMethods(stage.stores.jobs as KnowledgeDependencies['jobs'], {
    enqueue: async (queue: string) => {
      enqueued.push(queue);
    },
    enqueueMany: async (queue: string) => {
      enqueued.push(queue);
    },
  });
  return { tools: stage.tools({ jobs }), enqueued };
}

describe('two runs of one generation', () => {
  test.each([2, 10])(
    'a late one touches nothing of what the other has made current (%i paragraphs)',
    async (paragraphs) => {
      const fileId = await stage.attachText(paragraphsOf(paragraphs, 'ibises'));
      midway(async () => {
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
    const tools = stage.tools();
    const late: IngestTools = {
      ...tools,
      preparer: {
        prepare: async (task, signal) => {
          const file = await tools.preparer.prepare(task, signal);
          await expireClaims();
          await stage.run(fileId, { id: 'other' });
          return { ...file, chunks: file.chunks.slice(0, 6) };
        },
      },
    };
    await stage.run(fileId, { id: 'late' }, late);
    await expectWhole(fileId);
    expect((await stage.stateOf(fileId)).chunks).toBeGreaterThan(6);
  });

  test('never go on at once: the second waits', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'rails'));
    let second: unknown;
    midway(async () => {
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
    midway(() => stage.run(fileId, { id: 'same', attempt: 1 }));
    await stage.run(fileId, { id: 'same' });
    await expectWhole(fileId);
  });

  test('one that lost its claim while the other still works cleans nothing up', async () => {
    const fileId = await stage.attachText(paragraphsOf(10, 'swifts'));
    midway(async () => {
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
    midway(async () => {
      const { principal } = stage.context();
      await stage.knowledge.service.storeFiles.remove(principal, stage.storeId, fileId);
    });
    const { tools, enqueued } = recordingTools();
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
    midway(async () => {
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

describe('the collector', () => {
  async function addSuperseded(id: string, collection: string, rest = 'null'): Promise<void> {
    await stage.query(
      `insert into generations (id, project_id, vector_store_id, file_id, collection, state, created_at,
          superseded_at, claimed_until)
        values ($1, 'proj_a', $2, 'file-x', $3, 'superseded', now(), now() - interval '1 hour', ${rest})`,
      [id, stage.storeId, collection],
    );
  }
  const left = async (prefix: string) =>
    (
      await stage.query<{ id: string }>(`select id from generations where id like $1 order by id`, [
        `${prefix}%`,
      ])
    ).map((row) => row.id);

  test('goes on past what fails, and says so at the end', async () => {
    await addSuperseded('gen_part_a', 'kb_broken');
    await addSuperseded('gen_part_b', 'kb_whole');
    await stage.query(
      `insert into pending_blobs (blob_key, created_at) values ('files/broken-off', now() - interval '3 days')`,
    );
    const broken = withMethods(index(), {
      deleteGenerations: async (...parameters: Parameters<VectorIndex['deleteGenerations']>) => {
        if (parameters[0] === 'kb_broken') throw new VectorIndexError('unavailable', 'away');
        await index().deleteGenerations(...parameters);
      },
    });
    const deps = stage.deps({ index: broken });
    await expect(collect(deps, stage.signal)).rejects.toThrow('could not collect: generations');
    expect(await left('gen_part_')).toEqual(['gen_part_a']);
    expect(await stage.query('select blob_key from pending_blobs')).toEqual([]);
    await collect(stage.deps(), stage.signal);
    expect(await left('gen_part_')).toEqual([]);
  });

  test('stops at once when it is told to', async () => {
    await expect(collect(stage.deps(), AbortSignal.abort(new Error('closing')))).rejects.toThrow(
      'closing',
    );
  });

  test('leaves a generation alone while its run may still write', async () => {
    await addSuperseded('gen_held_a', 'kb_whole', `now() + interval '1 minute'`);
    await addSuperseded('gen_held_b', 'kb_whole', `now() - interval '1 minute'`);
    await collect(stage.deps(), stage.signal);
    expect(await left('gen_held_')).toEqual(['gen_held_a']);
  });

  test('removes the chunks of a generation some thousand at a time', async () => {
    await addSuperseded('gen_long', 'kb_whole');
    await addChunks('gen_long', 12_000);
    const counts: number[] = [];
    const { database } = stage.stores;
    const watched = withMethods(database, {
      execute: async (...parameters: Parameters<typeof database.execute>) => {
        const result = await database.execute(...parameters);
        if (parameters[0].sql.startsWith('delete from chunks')) counts.push(result.affectedRows);
        return result;
      },
    });
    await collect(stage.deps({ database: watched }), stage.signal);
    expect(counts).toEqual([5_000, 5_000, 2_000]);
    expect(await left('gen_long')).toEqual([]);
  });

  test('puts a stalled file into the queue again only when no run holds it', async () => {
    const fileId = await stage.attachText(paragraphsOf(2, 'owls'));
    const stall = () =>
      stage.query(
        `update vector_store_files set progressed_at = now() - interval '1 hour' where file_id = $1`,
        [fileId],
      );
    const { tools, enqueued } = recordingTools();
    midway(async () => {
      await stall();
      await collect(tools.deps, stage.signal);
      expect(enqueued).toEqual([]);
      throw new Error('dies');
    });
    await expect(stage.run(fileId)).rejects.toThrow('dies');
    await collect(tools.deps, stage.signal);
    expect(enqueued).toEqual([]);
    await stall();
    await collect(tools.deps, stage.signal);
    expect(enqueued).toEqual([INGEST_QUEUE]);
  });
});

async function addChunks(generationId: string, count: number): Promise<void> {
  await stage.query(
    `insert into chunks (generation_id, ordinal, project_id, content, char_start, char_end, token_count, words,
        characters)
      select $1::text, n, 'proj_a', 'chunk ' || n, n * 20, n * 20 + 20, 2, '', '' from generate_series(0, $2::int - 1) n`,
    [generationId, count],
  );
}

test('the content of a file is whole, however many chunks it has', async () => {
  const fileId = await stage.attachText(paragraphsOf(1, 'geese'));
  await stage.run(fileId);
  const { generation } = await stage.stateOf(fileId);
  await stage.query('delete from chunks where generation_id = $1', [generation]);
  await addChunks(generation, 10_500);
  const { principal } = stage.context();
  const content = await stage.knowledge.service.storeFiles.content(
    principal,
    stage.storeId,
    fileId,
  );
  expect(content.data).toHaveLength(10_500);
  expect(content.data.at(-1)?.text).toBe('chunk 10499');
  expect(content.has_more).toBe(false);
});
