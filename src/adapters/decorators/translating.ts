import { Readable } from 'node:stream';
import { AppError } from '../../lib/app-error.ts';
import { BlobNotFoundError, type BlobStore } from '../../ports/blob-store.ts';
import { StoreUnavailableError } from '../../ports/store-unavailable-error.ts';
import { aroundCalls, type Call } from './around-calls.ts';
import { BLOB_OPERATIONS } from './operations.ts';

/** Whatever is no answer of the store becomes a `StoreUnavailableError`, whichever technology failed. */
export function translatingBlobStore(store: BlobStore): BlobStore {
  return aroundCalls(store, BLOB_OPERATIONS, (call) => translate('blob store', call));
}

async function translate(store: string, call: Call): Promise<unknown> {
  try {
    return await call.proceed();
  } catch (error) {
    if (isAnswer(error) || isCallers(error, call)) throw error;
    throw new StoreUnavailableError(store, error);
  }
}

function isAnswer(error: unknown): boolean {
  return (
    error instanceof BlobNotFoundError || error instanceof RangeError || error instanceof AppError
  );
}

// An upload that its sender broke off, or a caller that no longer waits.
function isCallers(error: unknown, call: Call): boolean {
  const source = call.parameters[1];
  const sourceFailed = source instanceof Readable && source.errored !== null;
  return sourceFailed || call.options.signal?.aborted === true || error instanceof TypeError;
}
