import type { ZVecCollection } from '@zvec/zvec';

export interface MaintenancePolicy {
  /** Rows after which the open segment is sealed. */
  readonly sealRows: number;
  /** Rows without graph after which one is built, once no write came for `quietMs`. */
  readonly optimizeRows: number;
  readonly quietMs: number;
}

/**
 * Measured with zvec 0.7.0: sealing holds the collection's lock for about 0.6 ms a row and a call to optimize seals
 * what is open first, so 20 000 unsealed rows would stop every search for 12 s; 1 000 stop them for 0.7 s. The graph
 * itself is built without the lock (searches at most 0.1 s slower). Up to a few thousand rows are searched exactly
 * in about a millisecond, so small stores never pay for a graph.
 */
export const MAINTENANCE_POLICY: MaintenancePolicy = {
  sealRows: 1000,
  optimizeRows: 5000,
  quietMs: 5000,
};

/** Seals and optimizes one collection behind its writes. */
export class ZvecMaintenance {
  readonly #collection: ZVecCollection;
  readonly #policy: MaintenancePolicy;
  readonly #onError: (cause: unknown) => void;
  #unsealedRows = 0;
  #deletedRows = 0;
  #timer: NodeJS.Timeout | undefined;
  #optimizing: Promise<void> | undefined;
  #closed = false;

  constructor(
    collection: ZVecCollection,
    policy: MaintenancePolicy,
    onError: (cause: unknown) => void,
  ) {
    this.#collection = collection;
    this.#policy = policy;
    this.#onError = onError;
    this.#plan();
  }

  inserted(rows: number): void {
    this.#unsealedRows += rows;
    if (this.#unsealedRows >= this.#policy.sealRows && this.#optimizing === undefined) this.#seal();
    this.#plan();
  }

  /** Deleted rows keep their place until the next optimize. */
  deleted(rows: number): void {
    this.#deletedRows += rows;
    this.#plan();
  }

  /** No work starts any more; resolves when the running one has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#optimizing;
  }

  // A snapshot for iteration is the only call that seals the open segment without rebuilding anything.
  #seal(): void {
    this.#collection.iterDocsSync({ outputFields: [], includeVector: false }).closeSync();
    this.#unsealedRows = 0;
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#optimizing !== undefined || !this.#isDue(1)) return;
    // A long load never falls quiet: do not let it pile up beyond a few times the threshold.
    if (this.#isDue(4)) this.#optimize();
    else this.#timer = setTimeout(() => this.#optimize(), this.#policy.quietMs).unref();
  }

  #isDue(factor: number): boolean {
    const { docCount, indexCompleteness } = this.#collection.stats;
    const withoutGraph = docCount * (1 - (indexCompleteness['embedding'] ?? 0));
    // A tenth of the collection: each rebuild costs in proportion to the whole.
    const threshold = Math.max(this.#policy.optimizeRows, docCount / 10) * factor;
    return Math.max(withoutGraph, this.#deletedRows) >= threshold;
  }

  #optimize(): void {
    this.#unsealedRows = 0;
    this.#deletedRows = 0;
    // One thread: the rest of the machine belongs to requests.
    this.#optimizing = this.#collection
      .optimize({ concurrency: 1 })
      .catch(this.#onError)
      .then(() => {
        this.#optimizing = undefined;
        this.#plan();
      });
  }
}
