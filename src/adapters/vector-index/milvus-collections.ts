import type { CreateIndexSimpleReq, MilvusClient } from '@zilliz/milvus2-sdk-node';
import type { Log } from '../../lib/log.ts';
import { type CollectionDefinition, VectorIndexError } from '../../ports/vector-index.ts';
import type { CallScope, MilvusCalls } from './milvus-calls.ts';
import { type MilvusFailure, toVectorIndexError } from './milvus-errors.ts';
import type { MilvusFeatures } from './milvus-features.ts';
import { milvusCollection, milvusDifference, milvusIndexes } from './milvus-schema.ts';

/**
 * Creates what is missing of the collection: itself, its indexes, its place in memory. Every step may find that
 * another instance was there first, so each is judged by what the server then shows and not by its own answer.
 */
export async function ensureMilvusCollection(
  client: MilvusClient,
  calls: MilvusCalls,
  scope: CallScope,
  definition: CollectionDefinition,
  features: MilvusFeatures,
  log: Log,
): Promise<void> {
  const creation = await calls.attempt(scope, (timeout) =>
    client.createCollection({ ...milvusCollection(definition, features), timeout }),
  );
  await assertSchema(client, calls, scope, definition, features, creation);
  const { required, optional } = milvusIndexes(definition.name, features);
  for (const index of required) await ensureIndex(client, calls, scope, index);
  for (const index of optional) {
    const { failure } = await calls.attempt(scope, (timeout) =>
      client.createIndex({ ...index, timeout }),
    );
    if (failure !== undefined && failure.kind !== 'exists')
      log.info({ field: index.field_name, reason: failure.reason }, 'a filter field has no index');
  }
  await calls.load(scope);
}

/** Milvus may take a schema and keep another: an unknown function is dropped with the answer "Success". */
async function assertSchema(
  client: MilvusClient,
  calls: MilvusCalls,
  scope: CallScope,
  definition: CollectionDefinition,
  features: MilvusFeatures,
  creation: { failure?: MilvusFailure; thrown?: unknown },
): Promise<void> {
  const description = await calls.attempt(scope, (timeout) =>
    client.describeCollection({ collection_name: definition.name, cache: false, timeout }),
  );
  const failure =
    description.failure === undefined ? undefined : (creation.failure ?? description.failure);
  if (failure !== undefined || description.answer === undefined)
    throw creationError(scope, failure, creation.thrown ?? description.thrown);
  const difference = milvusDifference(description.answer, definition, features);
  if (difference === undefined) return;
  throw new VectorIndexError(
    'collection_mismatch',
    `the collection ${definition.name} exists with another schema: ${difference}`,
    { collection: definition.name },
  );
}

async function ensureIndex(
  client: MilvusClient,
  calls: MilvusCalls,
  scope: CallScope,
  index: CreateIndexSimpleReq,
): Promise<void> {
  const { failure, thrown } = await calls.attempt(scope, (timeout) =>
    client.createIndex({ ...index, timeout }),
  );
  if (failure === undefined || failure.kind === 'exists') return;
  throw creationError(scope, failure, thrown);
}

function creationError(scope: CallScope, failure: MilvusFailure | undefined, cause: unknown) {
  const told: MilvusFailure = failure ?? {
    kind: 'other',
    reason: 'no answer',
    grpcCode: undefined,
  };
  // Here "missing" only means that the creation failed.
  const kind = told.kind === 'missing' ? 'other' : told.kind;
  return toVectorIndexError({ ...told, kind }, scope.operation, scope.collection, cause);
}
