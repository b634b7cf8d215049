import type { Principal } from '../identity/index.ts';

export interface EmbedRequest {
  readonly principal: Principal;
  readonly requestId: string;
  readonly model: string;
  /** 1 to 2048 texts, none empty. */
  readonly inputs: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Embeddings for other domains: authorized and metered like a client's call. Vectors come in the order of the
 * inputs. Failures are `AppError`s; a 429 carries `retryAfterMs`.
 */
export interface EmbeddingService {
  embed(request: EmbedRequest): Promise<Float32Array[]>;
}

export {
  BUILTIN_CHAT_MODEL,
  BUILTIN_EMBEDDING_DIMENSIONS,
  BUILTIN_EMBEDDING_MODEL,
} from '../models/index.ts';
