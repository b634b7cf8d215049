import type { BlobStore } from '../../ports/blob-store.ts';
import type { Database } from '../../ports/database.ts';
import type { EphemeralStore } from '../../ports/ephemeral-store.ts';
import type { VectorIndex } from '../../ports/vector-index.ts';

/** Calls that do a store's work. `check` is not one: it asks for the plain truth, at once. */
export const BLOB_OPERATIONS = [
  'put',
  'get',
  'size',
  'delete',
  'list',
] as const satisfies readonly (keyof BlobStore)[];

export const VECTOR_OPERATIONS = [
  'ensureCollection',
  'dropCollection',
  'insert',
  'deleteGenerations',
  'searchVector',
  'searchText',
  'listIds',
] as const satisfies readonly (keyof VectorIndex)[];

export const EPHEMERAL_OPERATIONS = [
  'get',
  'set',
  'delete',
  'increment',
  'acquireLease',
  'releaseLease',
  'reserve',
  'renew',
  'settle',
  'raiseSpent',
  'publish',
] as const satisfies readonly (keyof EphemeralStore)[];

export const DATABASE_OPERATIONS = [
  'execute',
  'transaction',
  'batch',
] as const satisfies readonly (keyof Database)[];
