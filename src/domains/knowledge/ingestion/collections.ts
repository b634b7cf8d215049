import type { VectorIndex } from '../../../ports/vector-index.ts';

/** Creates collections when they are first needed, and asks the index once for each. */
export class KnownCollections {
  readonly #index: VectorIndex;
  readonly #timeoutMs: number;
  readonly #known = new Map<string, Promise<void>>();

  constructor(index: VectorIndex, options: { timeoutMs: number }) {
    this.#index = index;
    this.#timeoutMs = options.timeoutMs;
  }

  async ensure(collection: { name: string; dimensions: number }): Promise<void> {
    const known = this.#known.get(collection.name);
    const ensured =
      known ?? this.#index.ensureCollection(collection, { timeoutMs: this.#timeoutMs });
    this.#known.set(collection.name, ensured);
    try {
      await ensured;
    } catch (error) {
      this.forget(collection.name);
      throw error;
    }
  }

  /** After a collection was found missing or has been dropped. */
  forget(name: string): void {
    this.#known.delete(name);
  }
}
