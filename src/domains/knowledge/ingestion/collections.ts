import type { VectorIndex } from '../../../ports/vector-index.ts';

/** Creates collections when they are first needed, and asks the index once for each. */
export class KnownCollections {
  readonly #index: VectorIndex;
  readonly #timeoutMs: number;
  readonly #known = new Set<string>();

  constructor(index: VectorIndex, options: { timeoutMs: number }) {
    this.#index = index;
    this.#timeoutMs = options.timeoutMs;
  }

  async ensure(collection: { name: string; dimensions: number }): Promise<void> {
    if (this.#known.has(collection.name)) return;
    await this.#index.ensureCollection(collection, { timeoutMs: this.#timeoutMs });
    this.#known.add(collection.name);
  }

  /** After a collection was found missing or has been dropped. */
  forget(name: string): void {
    this.#known.delete(name);
  }
}
