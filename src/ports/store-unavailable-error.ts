/** A store could not be asked, or did not answer properly. The cause says why; trying again later may help. */
export class StoreUnavailableError extends Error {
  /** `blob store` or `vector index`. */
  readonly store: string;
  constructor(store: string, cause: unknown) {
    super(
      `the ${store} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
    this.name = 'StoreUnavailableError';
    this.store = store;
  }
}
