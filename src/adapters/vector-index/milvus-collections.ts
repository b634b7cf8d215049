import type { CreateIndexSimpleReq, MilvusClient } from '@zilliz/milvus2-sdk-node';
import type { Log } from '../../lib/log.ts';
import { type CollectionDefinition, VectorIndexError } from '../../ports/vector-index.ts';
import type { CallScope, MilvusCalls } from './milvus-calls.ts';
import type { MilvusFailure } from './milvus-errors.ts';
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
  await assertSchema(client, calls, scope, definition, features, creation.failure);
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
  creationFailure: MilvusFailure | undefined,
): Promise<void> {
  const { answer, failure } = await calls.attempt(scope, (timeout) =>
    client.describeCollection({ collection_name: definition.name, cache: false, timeout }),
  );
  if (answer === undefined || failure !== undefined)
    throw new VectorIndexError(
      'failed',
      `create in Milvus: ${(creationFailure ?? failure)?.reason ?? 'no answer'}`,
      { collection: definition.name },
    );
  const difference = milvusDifference(answer, definition, features);
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
  const { failure } = await calls.attempt(scope, (timeout) =>
    client.createIndex({ ...index, timeout }),
  );
  if (failure === undefined || failure.kind === 'exists') return;
  throw new VectorIndexError('failed', `create in Milvus: ${failure.reason}`, {
    collection: index.collection_name,
  });
}
