import { VectorIndexError } from '../../ports/vector-index.ts';

export type MilvusErrorKind = 'missing' | 'not_loaded' | 'exists' | 'other';

/** A status that is not "Success", or whatever else the SDK throws instead of it. */
export interface MilvusFailure {
  readonly kind: MilvusErrorKind;
  readonly reason: string;
  readonly grpcCode: number | undefined;
}

/** The failure that an answer of the SDK tells, or undefined. Some calls answer with a status, others with one inside. */
export function failureInAnswer(answer: unknown): MilvusFailure | undefined {
  const status = statusOf(answer);
  if (status === undefined || status['error_code'] === 'Success' || status['error_code'] === 0)
    return undefined;
  return classify(String(status['error_code'] ?? ''), String(status['reason'] ?? ''));
}

/** What was thrown: a gRPC error, a bare status object, or a TypeError where the SDK did not expect a status. */
export function failureInThrown(thrown: unknown): MilvusFailure {
  if (!isRecord(thrown)) return classify('', String(thrown));
  const answered = failureInAnswer(thrown);
  if (answered !== undefined) return answered;
  const reason = thrown instanceof Error ? thrown.message : JSON.stringify(thrown);
  const grpcCode = typeof thrown['code'] === 'number' ? thrown['code'] : undefined;
  return { ...classify('', reason), grpcCode };
}

export function toVectorIndexError(
  failure: MilvusFailure,
  operation: string,
  collection: string | undefined,
  cause: unknown,
): VectorIndexError {
  if (failure.kind === 'missing')
    return new VectorIndexError('collection_missing', `there is no collection ${collection}`, {
      collection,
      cause,
    });
  const message = `${operation} in Milvus: ${failure.reason || 'no reason given'}`;
  return new VectorIndexError(portCode(failure.grpcCode), message, { collection, cause });
}

// Codes of gRPC: 1 cancelled, 4 deadline exceeded, 8 resource exhausted, 14 unavailable.
function portCode(grpcCode: number | undefined) {
  if (grpcCode === 4) return 'timeout';
  if (grpcCode === 8) return 'overloaded';
  return grpcCode === 14 || grpcCode === 1 ? 'unavailable' : 'failed';
}

// Codes differ between the servers (the same mistake is UnexpectedError here and CollectionNotExists there).
function classify(code: string, reason: string): MilvusFailure {
  const text = `${code} ${reason}`;
  return { kind: kindOf(text), reason, grpcCode: undefined };
}

function kindOf(text: string): MilvusErrorKind {
  if (/collection not loaded|not been loaded|NotLoaded|not fully loaded/iu.test(text))
    return 'not_loaded';
  if (
    /CollectionNotExists|collection not found|can't find collection|collection .* does not exist/iu.test(
      text,
    )
  )
    return 'missing';
  return /already exist/iu.test(text) ? 'exists' : 'other';
}

function statusOf(answer: unknown): Record<string, unknown> | undefined {
  if (!isRecord(answer)) return undefined;
  if (isRecord(answer['status'])) return answer['status'];
  return 'error_code' in answer ? answer : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
