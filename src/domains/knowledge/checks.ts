/** What `llamp doctor` asks about what is stored. */
export {
  countStored,
  type IndexedGeneration,
  listStuckFiles,
  listUnknownBlobKeys,
  sampleFileBlobs,
  sampleIndexedGenerations,
  samplePackBlobs,
  type StoredBlob,
} from './check-repository.ts';
export { listCollections as listCollectionDimensions } from './rebuild/repository.ts';
export { KNOWLEDGE_QUEUES } from './ingestion/queues.ts';
