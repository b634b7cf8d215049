import { rmSync } from 'node:fs';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { createKnowledge, type Knowledge } from '../../src/domains/knowledge/index.ts';
import { KnownCollections } from '../../src/domains/knowledge/ingestion/collections.ts';
import type { IngestTools } from '../../src/domains/knowledge/ingestion/ingest.ts';
import { runIngestJob } from '../../src/domains/knowledge/ingestion/ingest-job.ts';
import {
  DEFAULT_KNOWLEDGE_OPTIONS,
  type KnowledgeDependencies,
} from '../../src/domains/knowledge/options.ts';
import { prepareChunks } from '../../src/domains/knowledge/text/prepare.ts';
import { createTokenizer } from '../../src/domains/knowledge/text/tokenizer.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import type { JobQueue } from '../../src/ports/job-queue.ts';
import { temporaryFolder } from './database-template.ts';
import { MODEL, openEmbeddedStores, principalOfKey } from './knowledge-platform.ts';
import { ScriptedEmbedder } from './scripted-embedder.ts';
import { withMethods } from './store-methods.ts';

const CHUNKING = {
  type: 'static' as const,
  static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 },
};
const CALL = { timeoutMs: 5_000 };
const tokenizer = createTokenizer();

type Stores = Awaited<ReturnType<typeof openEmbeddedStores>>;

/** The knowledge domain on the embedded stores without its workers: tests run each job themselves, and fail it. */
export class IngestStage {
  readonly folder: string;
  readonly embedding = new ScriptedEmbedder();
  readonly options = {
    ...DEFAULT_KNOWLEDGE_OPTIONS,
    defaultEmbeddingModel: MODEL,
    embedBatchSize: 4,
  };
  readonly signal = new AbortController().signal;
  stores: Stores;
  knowledge: Knowledge;
  storeId = '';

  constructor(folder: string, stores: Stores) {
    this.folder = folder;
    this.stores = stores;
    this.knowledge = createKnowledge(this.deps());
  }

  static async open(): Promise<IngestStage> {
    const folder = temporaryFolder('ingest');
    const stage = new IngestStage(folder, await openEmbeddedStores(folder));
    await stage.stores.jobs.start(stage.knowledge.queues);
    return stage;
  }

  async close(): Promise<void> {
    await this.stores.jobs.close({ timeoutMs: 1_000 });
    await this.stores.index.close();
    await this.stores.database.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An empty vector store, and an embedder that works. */
  async reset(): Promise<void> {
    this.embedding.before = () => undefined;
    const store = await this.knowledge.service.stores.create(this.context(), { name: 'crash' });
    this.storeId = store.id;
    this.embedding.asked.length = 0;
  }

  deps(given: Partial<KnowledgeDependencies> = {}): KnowledgeDependencies {
    const { embedding, options } = this;
    const own = { embedding, options, metrics: createMetrics(), clock: systemClock };
    return { ...this.stores, ...own, log: silentLog, ...given };
  }

  tools(given: Partial<KnowledgeDependencies> = {}): IngestTools {
    const deps = this.deps(given);
    const collections = new KnownCollections(deps.index, { timeoutMs: 10_000 });
    return { deps, collections, preparer: { prepare: (task) => prepareChunks(task, tokenizer) } };
  }

  /** Runs one job of the ingest queue as a worker would. */
  async run(fileId: string, job: object = {}, tools = this.tools()): Promise<void> {
    const { signal, storeId } = this;
    const payload = { storeId, fileId };
    await runIngestJob(
      tools,
      { id: 'job', payload, attempt: 0, isLastAttempt: false, ...job },
      signal,
    );
  }

  /** Does something at the next embedding, that is, in the middle of a run. */
  midway(work: () => Promise<void>): void {
    this.embedding.before = async () => {
      this.embedding.before = () => undefined;
      await work();
    };
  }

  /** Tools whose queue tells what was put into it, and keeps nothing. */
  recordingTools(): { tools: IngestTools; enqueued: string[] } {
    const enqueued: string[] = [];
    const record = async (queue: string) => {
      enqueued.push(queue);
      return undefined;
    };
    const jobs = withMethods(this.stores.jobs as JobQueue, {
      enqueue: record,
      enqueueMany: record,
    });
    return { tools: this.tools({ jobs }), enqueued };
  }

  context() {
    const principal = principalOfKey('key-a');
    if (principal === null) throw new Error('no principal');
    return { principal, requestId: 'test', signal: this.signal };
  }

  /** A file in SQL and the blob store, attached to the store. */
  async attachText(text: string, name = 'a.txt'): Promise<string> {
    const fileId = systemClock.newId('file-');
    const { sizeBytes } = await this.stores.blobs.put(`files/${fileId}`, Buffer.from(text), CALL);
    await this.query(
      `insert into files (id, project_id, filename, purpose, size_bytes, sha256, blob_key, created_at)
        values ($1, 'proj_a', $2, 'assistants', $3, ''::bytea, $4, now())`,
      [fileId, name, sizeBytes, `files/${fileId}`],
    );
    const request = { file_id: fileId, chunking_strategy: CHUNKING };
    const { principal } = this.context();
    await this.knowledge.service.storeFiles.attach(principal, this.storeId, request);
    return fileId;
  }

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return (await this.stores.database.execute<Row>({ sql, parameters })).rows;
  }

  async stateOf(fileId: string): Promise<IngestState> {
    const [row] = await this.query<IngestState>(
      `select v.status, v.error_message as error, v.current_generation_id as generation, g.chunk_count, g.collection,
        v.progressed_at as progressed,
        (select count(*) from chunks c where c.generation_id = g.id) as chunks,
        (select count(distinct content) from chunks c where c.generation_id = g.id) as distinct_chunks,
        (select count(*) from generations b where b.file_id = v.file_id and b.state = 'building') as building,
        (select count(*) from generations b where b.file_id = v.file_id and b.claimed_by is not null) as claimed
      from vector_store_files v left join generations g on g.id = v.current_generation_id where v.file_id = $1`,
      [fileId],
    );
    if (row === undefined) throw new Error('the file is not in the store');
    return row;
  }

  /** Ids of the rows of a generation in the index, sorted, and those that should be there. */
  async rowsOf(state: IngestState): Promise<{ found: string[]; wanted: string[] }> {
    const found = await this.stores.index.listIds(state.collection, state.generation, CALL);
    const wanted = Array.from({ length: state.chunks }, (_, i) => `${state.generation}.${i}`);
    return { found: found.sort(), wanted: wanted.sort() };
  }
}

export interface IngestState {
  readonly status: string;
  readonly generation: string;
  readonly error: string | null;
  readonly progressed: Date;
  readonly chunks: number;
  readonly distinct_chunks: number;
  readonly chunk_count: number;
  readonly building: number;
  readonly claimed: number;
  readonly collection: string;
}

/** A text that is cut into about as many chunks as it has paragraphs. */
export function paragraphsOf(count: number, topic: string): string {
  return Array.from(
    { length: count },
    (_, i) => `Paragraph ${i} tells of ${topic}. ${'More words. '.repeat(25)}`,
  ).join('\n\n');
}
