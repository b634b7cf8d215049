import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openZvecVectorIndex } from '../../src/adapters/vector-index/zvec.ts';
import { createKnowledge, type Knowledge } from '../../src/domains/knowledge/index.ts';
import { collect } from '../../src/domains/knowledge/ingestion/collect.ts';
import { KnownCollections } from '../../src/domains/knowledge/ingestion/collections.ts';
import type { IngestTools } from '../../src/domains/knowledge/ingestion/ingest.ts';
import { runIngestJob } from '../../src/domains/knowledge/ingestion/ingest-job.ts';
import { DEFAULT_KNOWLEDGE_OPTIONS } from '../../src/domains/knowledge/options.ts';
import { prepareChunks } from '../../src/domains/knowledge/text/prepare.ts';
import { createTokenizer } from '../../src/domains/knowledge/text/tokenizer.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { RetryLaterError } from '../../src/ports/job-queue.ts';
import type { VectorIndex } from '../../src/ports/vector-index.ts';
import { temporaryFolder } from '../support/database-template.ts';
import { type FaultPlan, withFaults } from '../support/store-faults.ts';
import { MODEL, openEmbeddedStores, principalOfKey } from '../support/knowledge-platform.ts';
import { ScriptedEmbedder } from '../support/scripted-embedder.ts';

const folder = temporaryFolder('ingest');
const signal = new AbortController().signal;
const tokenizer = createTokenizer();
const embedding = new ScriptedEmbedder();
const options = {
  ...DEFAULT_KNOWLEDGE_OPTIONS,
  defaultEmbeddingModel: MODEL,
  embedBatchSize: 4,
};
const CHUNKING = {
  type: 'static' as const,
  static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 },
};

let stores: Awaited<ReturnType<typeof openEmbeddedStores>>;
let knowledge: Knowledge;
let storeId: string;

beforeAll(async () => {
  stores = await openEmbeddedStores(folder);
  knowledge = createKnowledge(depsOf(stores));
  await stores.jobs.start(knowledge.queues);
});

afterAll(async () => {
  await stores.jobs.close({ timeoutMs: 1_000 });
  await stores.index.close();
  await stores.database.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  embedding.before = () => undefined;
  storeId = (await knowledge.service.stores.create(context(), { name: 'crash' })).id;
  embedding.asked.length = 0;
});

type Stores = Awaited<ReturnType<typeof openEmbeddedStores>>;

function depsOf(given: Omit<Stores, 'index'> & { index: VectorIndex }) {
  const metrics = createMetrics();
  return { ...given, embedding, metrics, options, clock: systemClock, log: silentLog };
}

function context() {
  const principal = principalOfKey('key-a');
  if (principal === null) throw new Error('no principal');
  return { principal, requestId: 'test', signal };
}

function toolsWith(plan: FaultPlan): IngestTools {
  const deps = depsOf({
    ...stores,
    database: withFaults(stores.database, plan, ['execute', 'batch', 'transaction']),
    blobs: withFaults(stores.blobs, plan, ['put', 'get', 'delete', 'list']),
    index: withFaults(stores.index as VectorIndex, plan, ['ensureCollection', 'insert']),
  });
  const collections = new KnownCollections(deps.index, { timeoutMs: 10_000 });
  return { deps, collections, preparer: { prepare: (task) => prepareChunks(task, tokenizer) } };
}

const NO_FAULTS: FaultPlan = { at: -1, when: 'before', calls: 0 };
const jobFor = (fileId: string, rest = {}) => ({
  id: 'job',
  payload: { storeId, fileId },
  attempt: 0,
  isLastAttempt: false,
  ...rest,
});

/** A file in SQL and the blob store, attached to the store. */
async function attachText(text: string, name = 'a.txt'): Promise<string> {
  const fileId = systemClock.newId('file-');
  const { sizeBytes } = await stores.blobs.put(`files/${fileId}`, Buffer.from(text), {
    timeoutMs: 5_000,
  });
  await stores.database.execute({
    sql: `insert into files (id, project_id, filename, purpose, size_bytes, sha256, blob_key, created_at)
      values ($1, 'proj_a', $2, 'assistants', $3, ''::bytea, $4, now())`,
    parameters: [fileId, name, sizeBytes, `files/${fileId}`],
  });
  const request = { file_id: fileId, chunking_strategy: CHUNKING };
  await knowledge.service.storeFiles.attach(context().principal, storeId, request);
  return fileId;
}

const textOf = (count: number, topic: string) =>
  Array.from(
    { length: count },
    (_, i) => `Paragraph ${i} tells of ${topic}. ${'More words. '.repeat(25)}`,
  ).join('\n\n');

async function stateOf(fileId: string) {
  const { rows } = await stores.database.execute<{
    status: string;
    generation: string;
    error: string | null;
    chunks: number;
    distinct_chunks: number;
    chunk_count: number;
    building: number;
    collection: string;
  }>({
    sql: `select v.status, v.error_message as error, v.current_generation_id as generation, g.chunk_count, g.collection,
        (select count(*) from chunks c where c.generation_id = g.id) as chunks,
        (select count(distinct content) from chunks c where c.generation_id = g.id) as distinct_chunks,
        (select count(*) from generations b where b.file_id = v.file_id and b.state = 'building') as building
      from vector_store_files v left join generations g on g.id = v.current_generation_id where v.file_id = $1`,
    parameters: [fileId],
  });
  const row = rows[0];
  if (row === undefined) throw new Error('the file is not in the store');
  return row;
}

describe('KB-3 a run that dies', () => {
  test.each(['before', 'after'] as const)(
    'just %s any of its calls is run again and doubles nothing',
    { timeout: 120_000 },
    async (when) => {
      for (const paragraphs of [2, 10]) {
        for (let at = 0; ; at += 1) {
          embedding.asked.length = 0;
          const fileId = await attachText(textOf(paragraphs, `birds ${when} ${at}`));
          const plan: FaultPlan = { at, when, calls: 0 };
          const died = await runIngestJob(toolsWith(plan), jobFor(fileId), signal).then(
            () => false,
            () => true,
          );
          await runIngestJob(toolsWith({ ...NO_FAULTS }), jobFor(fileId), signal);
          const state = await stateOf(fileId);
          expect(state).toMatchObject({
            status: 'completed',
            building: 0,
            chunks: state.chunk_count,
          });
          expect(state.distinct_chunks).toBe(state.chunks);
          const ids = await stores.index.listIds(state.collection, state.generation, {
            timeoutMs: 5_000,
          });
          expect(ids.sort()).toEqual(
            Array.from({ length: state.chunks }, (_, i) => `${state.generation}.${i}`).sort(),
          );
          // At most the part that was under way is embedded twice.
          expect(embedding.asked.length).toBeLessThanOrEqual(state.chunks + options.embedBatchSize);
          if (!died && plan.calls <= at) break;
        }
      }
    },
  );

  test('goes on at the first part without embeddings when the model was busy', async () => {
    const fileId = await attachText(textOf(20, 'herons'));
    let calls = 0;
    embedding.before = () => {
      calls += 1;
      if (calls === 3)
        throw new AppError({
          code: 'rate_limit_exceeded',
          status: 429,
          message: 'slow down',
          retryAfterMs: 7_000,
        });
    };
    const first = runIngestJob(toolsWith({ ...NO_FAULTS }), jobFor(fileId), signal);
    await expect(first).rejects.toEqual(new RetryLaterError('the embedding model is busy', 7_000));
    expect(embedding.asked).toHaveLength(8);
    const seen = await knowledge.service.storeFiles.get(context().principal, storeId, fileId);
    expect(seen.status).toBe('in_progress');
    expect(seen.progress.chunks_done).toBe(8);
    await runIngestJob(toolsWith({ ...NO_FAULTS }), jobFor(fileId), signal);
    const { chunks } = await stateOf(fileId);
    expect(embedding.asked).toHaveLength(chunks);
    expect(new Set(embedding.asked).size).toBe(chunks);
  });

  test('fails the file for good when no repetition helps, or at the last try', async () => {
    const refused = await attachText(textOf(1, 'storks'));
    embedding.before = () => {
      throw new AppError({ code: 'model_not_found', status: 404, message: 'no such model' });
    };
    await runIngestJob(toolsWith({ ...NO_FAULTS }), jobFor(refused), signal);
    expect(await stateOf(refused)).toMatchObject({
      status: 'failed',
      error: 'Embedding the file failed: no such model',
    });
    const broken = await attachText(textOf(1, 'cranes'));
    embedding.before = () => {
      throw new AppError({ code: 'upstream_error', status: 502, message: 'bad gateway' });
    };
    const tools = toolsWith({ ...NO_FAULTS });
    await expect(runIngestJob(tools, jobFor(broken), signal)).rejects.toThrow('bad gateway');
    expect((await stateOf(broken)).status).toBe('in_progress');
    await runIngestJob(tools, jobFor(broken, { attempt: 4, isLastAttempt: true }), signal);
    expect(await stateOf(broken)).toMatchObject({ status: 'failed' });
    expect((await stateOf(broken)).error).toContain('after 5 tries');
  });

  test('stops and leaves nothing when its file is taken out meanwhile', async () => {
    const fileId = await attachText(textOf(10, 'gulls'));
    embedding.before = async () => {
      embedding.before = () => undefined;
      await knowledge.service.storeFiles.remove(context().principal, storeId, fileId);
      await collect(toolsWith({ ...NO_FAULTS }).deps, signal);
    };
    await runIngestJob(toolsWith({ ...NO_FAULTS }), jobFor(fileId), signal);
    const { rows } = await stores.database.execute({
      sql: `select id from generations where file_id = $1`,
      parameters: [fileId],
    });
    expect(rows).toEqual([]);
    const { blobs } = await stores.blobs.list('packs/', { limit: 1000, timeoutMs: 5_000 });
    const { rows: known } = await stores.database.execute<{ id: string }>({
      sql: 'select id from generations',
      parameters: [],
    });
    const ids = new Set(known.map((row) => row.id));
    expect(blobs.filter((blob) => !ids.has(blob.key.split('/')[1] ?? ''))).toEqual([]);
  });
});

describe('KB-6 the index', () => {
  const texts = (hits: { content: string; score: number }[]) =>
    hits.map((hit) => [hit.content, hit.score.toFixed(6)]);
  const find = (query: string) =>
    knowledge.service.search.find(context(), storeId, {
      queries: [query],
      filter: undefined,
      limit: 20,
      scoreThreshold: 0,
      weights: undefined,
    });

  test('is made again from SQL and packs, without an embedding, and proves it', async () => {
    const one = await attachText(textOf(10, 'penguins'), 'one.txt');
    const two = await attachText(textOf(3, 'pelicans'), 'two.txt');
    for (const fileId of [one, two])
      await runIngestJob(toolsWith({ ...NO_FAULTS }), jobFor(fileId), signal);
    const before = await find('penguins');
    const [collection] = await knowledge.service.listCollections();
    if (collection === undefined) throw new Error('no collection');
    embedding.asked.length = 0;
    const rebuilt = await knowledge.service.rebuildCollection(collection, signal);
    expect(rebuilt.failed).toEqual([]);
    expect(rebuilt.restored).toBe(rebuilt.generations);
    expect(rebuilt.generations).toBeGreaterThan(2);
    expect(embedding.asked).toEqual([]);
    const proven = await knowledge.service.repairCollection(collection, signal);
    expect(proven).toEqual({ ...rebuilt, restored: 0 });
    expect(texts(await find('penguins'))).toEqual(texts(before));
  });

  test('that has lost its folder is repaired at the next start', async () => {
    const fileId = await attachText(textOf(6, 'puffins'));
    await runIngestJob(toolsWith({ ...NO_FAULTS }), jobFor(fileId), signal);
    const before = await find('puffins');
    const index = await openZvecVectorIndex({
      directory: join(folder, 'another-index'),
      log: silentLog,
    });
    await stores.index.close();
    stores = { ...stores, index };
    knowledge = createKnowledge(depsOf(stores));
    await knowledge.startWorkers();
    await expect
      .poll(async () => texts(await find('puffins')), { timeout: 30_000, interval: 100 })
      .toEqual(texts(before));
    await knowledge.close();
  });
});
