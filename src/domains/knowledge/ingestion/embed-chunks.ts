import { AppError } from '../../../lib/app-error.ts';
import type { Principal } from '../../identity/index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import type { PreparedChunk } from '../text/prepare.ts';
import type { Ingestion } from './repository.ts';

/** Embeds chunks with the model of their store, each under the titles it stands under. */
export async function embedChunks(
  deps: KnowledgeDependencies,
  ingestion: Ingestion,
  chunks: readonly PreparedChunk[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const vectors = await deps.embedding.embed({
    principal: ingestPrincipal(ingestion),
    requestId: `ingest-${ingestion.generationId}`,
    model: ingestion.model,
    inputs: chunks.map(embeddedText),
    signal: AbortSignal.any([signal, AbortSignal.timeout(deps.options.embedTimeoutMs)]),
  });
  checkVectors(ingestion, chunks.length, vectors);
  return vectors;
}

function embeddedText(chunk: PreparedChunk): string {
  const { content, headingPath } = chunk;
  return headingPath === null ? content : `${headingPath}\n${content}`;
}

function ingestPrincipal(ingestion: Ingestion): Principal {
  return {
    kind: 'service',
    organizationId: ingestion.organizationId,
    projectId: ingestion.projectId,
    apiKeyId: null,
    scopes: ['inference'],
  };
}

// A name that now leads to another model would fill the store with rows that compare to nothing.
function checkVectors(ingestion: Ingestion, count: number, vectors: readonly Float32Array[]): void {
  const { dimensions, model } = ingestion;
  const isRight = vectors.every(
    (vector) => vector.length === dimensions && vector.every(Number.isFinite),
  );
  if (vectors.length === count && isRight) return;
  throw new AppError({
    code: 'embedding_mismatch',
    status: 400,
    message: `The model '${model}' does not answer ${count} vectors of ${dimensions} dimensions, as this vector store needs.`,
  });
}
