import { createHash } from 'node:crypto';
import { AppError } from '../../../lib/app-error.ts';
import type { Principal } from '../../identity/index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { TOKENIZER_VERSION } from '../text/tokenizer.ts';
import { findModelDimensions } from './repository.ts';

export interface EmbeddingProfile {
  readonly model: string;
  readonly dimensions: number;
  /** Rows that may be compared with each other, and only they, share a collection. */
  readonly collection: string;
}

/**
 * Asks the model for one vector to learn its dimensions. While the model cannot be reached, those of the newest store
 * with the same model are taken.
 */
export async function resolveProfile(
  deps: KnowledgeDependencies,
  request: { principal: Principal; requestId: string; model: string; signal: AbortSignal },
): Promise<EmbeddingProfile> {
  const { model } = request;
  const dimensions = await probeDimensions(deps, request);
  return { model, dimensions, collection: collectionName(model, dimensions) };
}

/** Name of a collection, `kb_` and 24 hexadecimal digits: a model's own name may hold anything. */
export function collectionName(model: string, dimensions: number): string {
  const profile = JSON.stringify([model, dimensions, TOKENIZER_VERSION]);
  return `kb_${createHash('sha256').update(profile).digest('hex').slice(0, 24)}`;
}

/** The caller may lack the scope for inference, or the model of the store: the platform embeds in its name. */
export function embeddingPrincipal(principal: Principal): Principal {
  return { ...principal, scopes: ['inference'], models: undefined };
}

async function probeDimensions(
  { database, embedding, options }: KnowledgeDependencies,
  request: { principal: Principal; requestId: string; model: string; signal: AbortSignal },
): Promise<number> {
  try {
    const [vector] = await embedding.embed({
      principal: embeddingPrincipal(request.principal),
      requestId: request.requestId,
      model: request.model,
      inputs: ['dimensions'],
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(options.embedTimeoutMs)]),
    });
    return vector?.length ?? 0;
  } catch (error) {
    const isTransient = error instanceof AppError && (error.retryable || error.status >= 429);
    const known = isTransient ? await findModelDimensions(database, request.model) : undefined;
    if (known === undefined) throw error;
    return known;
  }
}
