import { BUILTIN_EMBEDDING_DIMENSIONS } from '../models/index.ts';
import type { EmbeddingService, EmbedRequest } from './embedding.ts';
import { isJsonObject, type JsonObject } from './field-checks.ts';
import type { InferenceService } from './inference-service.ts';
import { garbage } from './upstream-failure.ts';

const DIMENSIONS_MAX = 65_536;

/** Embeddings for other domains over the same router, limits and meter as a client's call. */
export function inferenceEmbeddingService(
  inference: Pick<InferenceService, 'complete'>,
): EmbeddingService {
  return {
    embed: async (request) => {
      const { principal, requestId, signal } = request;
      const body = bodyOf(request);
      const call = { principal, requestId, endpoint: 'embeddings', body, signal } as const;
      const answer = await inference.complete(call);
      return vectorsOf(answer.json, request.inputs.length);
    },
  };
}

// Floats, because several servers answer base64 with floats or with an error.
function bodyOf({ model, inputs }: EmbedRequest) {
  const json = { model, input: inputs, encoding_format: 'float' };
  return { json, bytes: Buffer.from(JSON.stringify(json)) };
}

/** The vectors in the order of the inputs, whatever the order of the answer; all complete and of one length. */
function vectorsOf(json: JsonObject, count: number): Float32Array[] {
  const data = Array.isArray(json['data']) ? json['data'] : [];
  const vectors: (Float32Array | undefined)[] = Array.from({ length: count });
  for (const [position, item] of data.entries()) {
    if (!isJsonObject(item)) continue;
    const index = typeof item['index'] === 'number' ? item['index'] : position;
    if (index in vectors) vectors[index] = vectorOf(item['embedding']);
  }
  const complete = vectors.filter((vector) => vector !== undefined);
  const dimensions = complete[0]?.length ?? BUILTIN_EMBEDDING_DIMENSIONS;
  const even = complete.every((vector) => vector.length === dimensions);
  if (complete.length !== count || !even)
    throw garbage(
      `The upstream answered ${count} texts with ${complete.length} usable embeddings.`,
    );
  return complete;
}

function vectorOf(value: unknown): Float32Array | undefined {
  const numbers = typeof value === 'string' ? decoded(value) : value;
  if (!Array.isArray(numbers) || numbers.length === 0 || numbers.length > DIMENSIONS_MAX)
    return undefined;
  return numbers.every((number) => Number.isFinite(number))
    ? Float32Array.from(numbers)
    : undefined;
}

function decoded(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => {
    return bytes.readFloatLE(index * 4);
  });
}
