import type { MilvusClient } from '@zilliz/milvus2-sdk-node';
import { VectorIndexError } from '../../ports/vector-index.ts';
import type { CallScope, MilvusCalls } from './milvus-calls.ts';
import { dimensionsOf } from './milvus-schema.ts';

/**
 * The dimensions of the collections in use, asked for once each. Milvus 2.3 takes a vector of another length for a
 * question without answers, and after milvus-lite's answer to it the SDK fails with a TypeError.
 */
export class MilvusDimensions {
  readonly #known = new Map<string, number>();

  async check(
    client: MilvusClient,
    calls: MilvusCalls,
    scope: CallScope,
    dimensions: number,
  ): Promise<void> {
    const collection = scope.collection ?? '';
    const wanted =
      this.#known.get(collection) ?? (await this.#ask(client, calls, scope, collection));
    if (dimensions === wanted) return;
    // Another instance may have dropped the collection and made it again: ask anew the next time.
    this.forget(collection);
    throw new VectorIndexError(
      'invalid_request',
      `a vector has ${dimensions} dimensions, those of the collection ${wanted}`,
      { collection },
    );
  }

  forget(collection: string): void {
    this.#known.delete(collection);
  }

  async #ask(
    client: MilvusClient,
    calls: MilvusCalls,
    scope: CallScope,
    collection: string,
  ): Promise<number> {
    const found = await calls.request(scope, (timeout) =>
      client.describeCollection({ collection_name: collection, cache: false, timeout }),
    );
    const dimensions = dimensionsOf(found);
    this.#known.set(collection, dimensions);
    return dimensions;
  }
}
