import type { FastifyPluginAsync } from 'fastify';
import type { QueueDefinition } from '../../ports/job-queue.ts';
import type { CollectionDefinition } from '../../ports/vector-index.ts';
import { FileService } from './files/service.ts';
import { KnownCollections } from './ingestion/collections.ts';
import { KNOWLEDGE_QUEUES } from './ingestion/queues.ts';
import { WorkerThreadPreparer } from './ingestion/worker-thread-preparer.ts';
import { startKnowledgeWorkers } from './ingestion/workers.ts';
import {
  DEFAULT_KNOWLEDGE_OPTIONS,
  type KnowledgeDependencies,
  type KnowledgeOptions,
} from './options.ts';
import { type ProbeResult, probeStores } from './rebuild/probe-stores.ts';
import { rebuildCollection, type RebuildResult, repairCollection } from './rebuild/rebuild.ts';
import { listCollections } from './rebuild/repository.ts';
import { refuseUnstorableText } from './routes/call.ts';
import { fileBatchRoutes } from './routes/file-batches.ts';
import { fileRoutes } from './routes/files.ts';
import { searchRoutes } from './routes/search.ts';
import { vectorStoreFileRoutes } from './routes/vector-store-files.ts';
import { vectorStoreRoutes } from './routes/vector-stores.ts';
import { SearchService } from './search/service.ts';
import { BatchService } from './store-files/batch-service.ts';
import { StoreFileService } from './store-files/service.ts';
import { StoreService } from './stores/service.ts';
import { createTokenizer } from './text/tokenizer.ts';

export { KNOWLEDGE_ERRORS } from './errors.ts';
export type { FileObject, FileRecord } from './files/file-record.ts';
export { forgetRunningIngestions } from './ingestion/restored-repository.ts';
export { holdBlobs, releaseBlobs } from './ingestion/hold-repository.ts';
export type { KnowledgeDependencies, KnowledgeOptions } from './options.ts';
export type { ProbeResult } from './rebuild/probe-stores.ts';
export type { RebuildResult } from './rebuild/rebuild.ts';
export { type Filter, parseFilter } from './search/filter.ts';
export type { SearchBody, SearchRequest } from './search/search-request.ts';
export type { FoundChunk } from './search/service.ts';
export type { CallContext } from './stores/service.ts';

/** What other domains and commands may ask. */
export interface KnowledgeService {
  readonly files: FileService;
  readonly stores: StoreService;
  readonly storeFiles: StoreFileService;
  readonly batches: BatchService;
  readonly search: SearchService;
  /** Collections of the vector index that hold something which searches see. */
  listCollections(): Promise<CollectionDefinition[]>;
  /** Drops a collection and makes it again from SQL and packs; see `RebuildResult` for the proof. */
  rebuildCollection(collection: CollectionDefinition, signal: AbortSignal): Promise<RebuildResult>;
  /** Asks each vector store for one of its own chunks; calls no model. */
  probeStores(signal: AbortSignal): Promise<ProbeResult>;
  /** Proves a collection and puts back what is missing, without dropping it. */
  repairCollection(collection: CollectionDefinition, signal: AbortSignal): Promise<RebuildResult>;
}

export interface Knowledge {
  /** Files, vector stores and search; register it under `/v1` and `/api/v1/llm`. */
  readonly routes: FastifyPluginAsync;
  readonly service: KnowledgeService;
  /** To be declared when the job queue is started. */
  readonly queues: readonly QueueDefinition[];
  /** Begins to take jobs; the job queue has been started. */
  startWorkers(): Promise<void>;
  /** After the job queue has been closed. */
  close(): Promise<void>;
}

export function createKnowledge(
  given: Omit<KnowledgeDependencies, 'options'> & {
    options: Pick<KnowledgeOptions, 'defaultEmbeddingModel'> & Partial<KnowledgeOptions>;
  },
): Knowledge {
  const deps = { ...given, options: { ...DEFAULT_KNOWLEDGE_OPTIONS, ...given.options } };
  const { options } = deps;
  const preparer = new WorkerThreadPreparer({
    threads: options.parserThreads,
    memoryMb: options.parserMemoryMb,
    timeoutMs: options.parseTimeoutMs,
  });
  const collections = new KnownCollections(deps.index, { timeoutMs: options.indexTimeoutMs });
  const service = createService(deps);
  return {
    routes: routesOf(service),
    service,
    queues: KNOWLEDGE_QUEUES,
    startWorkers: () => startKnowledgeWorkers({ deps, preparer, collections }),
    close: () => preparer.close(),
  };
}

function createService(deps: KnowledgeDependencies): KnowledgeService {
  return {
    files: new FileService(deps),
    stores: new StoreService(deps),
    storeFiles: new StoreFileService(deps),
    batches: new BatchService(deps),
    search: new SearchService(deps, createTokenizer()),
    listCollections: () => listCollections(deps.database),
    rebuildCollection: (collection, signal) => rebuildCollection(deps, collection, signal),
    probeStores: (signal) => probeStores(deps, signal),
    repairCollection: (collection, signal) => repairCollection(deps, collection, signal),
  };
}

function routesOf(service: KnowledgeService): FastifyPluginAsync {
  return async (app) => {
    app.addHook('preHandler', refuseUnstorableText);
    fileRoutes(app, service.files);
    vectorStoreRoutes(app, service.stores);
    vectorStoreFileRoutes(app, service.storeFiles);
    fileBatchRoutes(app, service.batches);
    searchRoutes(app, service.search);
  };
}
