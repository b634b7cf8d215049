import { StoreUnavailableError } from '../../ports/store-unavailable-error.ts';

/** Too many calls wait for the store already. */
export class StoreBusyError extends StoreUnavailableError {
  constructor(store: string) {
    super(store, new Error('too many calls wait for it'));
    this.name = 'StoreBusyError';
  }
}
