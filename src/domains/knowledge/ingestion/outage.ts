import { AppError } from '../../../lib/app-error.ts';
import { DatabaseError } from '../../../ports/database.ts';
import { StoreUnavailableError } from '../../../ports/store-unavailable-error.ts';
import { VectorIndexError, type VectorIndexErrorCode } from '../../../ports/vector-index.ts';

const DEFAULT_RETRY_AFTER_MS = 10_000;
const OUTAGE_RETRY_MS = 30_000;
// A rebuild drops a collection and makes it again at once.
const MISSING_RETRY_MS = 1_000;

const INDEX_AWAY: ReadonlySet<VectorIndexErrorCode> = new Set([
  'unavailable',
  'timeout',
  'overloaded',
  'closed',
  'collection_corrupt',
]);

/** Trouble that is no fault of the file and that passes, so that it takes none of the tries of its job. */
export interface Outage {
  readonly reason: string;
  readonly retryAfterMs: number;
  /** False for a model that is busy: it works, and lets the file wait its turn. */
  readonly isBroken: boolean;
}

/** The outage behind an error, or undefined. */
export function outageOf(error: unknown): Outage | undefined {
  if (error instanceof AppError) return embeddingOutage(error);
  if (error instanceof StoreUnavailableError) return broken(`the ${error.store} does not answer`);
  if (error instanceof VectorIndexError) return indexOutage(error);
  if (error instanceof DatabaseError && error.unavailable)
    return broken('the database does not answer');
  // What the signal of a call rejects with once its time is up.
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return broken('a store or the embedding model does not answer in time');
  return undefined;
}

function embeddingOutage(error: AppError): Outage | undefined {
  if (error.status === 429) {
    const retryAfterMs = error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS;
    return { reason: 'the embedding model is busy', retryAfterMs, isBroken: false };
  }
  if (error.status < 500 || !error.retryable) return undefined;
  return broken('the embedding model does not answer', error.retryAfterMs);
}

function indexOutage({ code }: VectorIndexError): Outage | undefined {
  if (code === 'collection_missing') return broken('its collection is missing', MISSING_RETRY_MS);
  return INDEX_AWAY.has(code) ? broken(`the vector index does not answer (${code})`) : undefined;
}

function broken(reason: string, retryAfterMs = OUTAGE_RETRY_MS): Outage {
  return { reason, retryAfterMs, isBroken: true };
}
