/** More calls wait for a store than may. The caller can try again later. */
export class StoreBusyError extends Error {
  constructor(store: string) {
    super(`too many calls wait for the ${store} store`);
    this.name = 'StoreBusyError';
  }
}
