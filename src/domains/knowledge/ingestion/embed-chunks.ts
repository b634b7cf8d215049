import { AppError } from '../../../lib/app-error.ts';
import type { Principal } from '../../identity/index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import type { PreparedChunk } from '../text/prepare.ts';
import type { Ingestion } from './repository.ts';

/** Embeds texts with the model of the store. */
export async function embedTexts(
  deps: KnowledgeDependencies,
  ingestion: Ingestion,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const vectors = await deps.embedding.embed({
    principal: ingestPrincipal(ingestion),
    requestId: `ingest-${ingestion.generationId}`,
    model: ingestion.model,
    inputs: texts,
    signal: AbortSignal.any([signal, AbortSignal.timeout(deps.options.embedTimeoutMs)]),
  });
  checkVectors(ingestion, texts.length, vectors);
  return vectors;
}

/** What is embedded of a chunk: its text under the titles it stands under. */
export function embeddedText(chunk: PreparedChunk): string {
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
