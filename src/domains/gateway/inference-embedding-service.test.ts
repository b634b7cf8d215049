import { describe, expect, it } from 'vitest';
import type { JsonObject } from './field-checks.ts';
import { inferenceEmbeddingService } from './inference-embedding-service.ts';
import type { InferenceCall } from './inference-service.ts';

const principal = {
  kind: 'service' as const,
  organizationId: 'o',
  projectId: 'p',
  apiKeyId: null,
  scopes: [],
};

function answering(data: unknown) {
  const calls: InferenceCall[] = [];
  const service = inferenceEmbeddingService({
    complete: async (call) => {
      calls.push(call);
      const json = { data } as JsonObject;
      return { headers: {}, body: Buffer.alloc(0), json };
    },
  });
  const embed = (inputs: string[]) =>
    service.embed({
      principal,
      requestId: 'r',
      model: 'm',
      inputs,
      signal: new AbortController().signal,
    });
  return { calls, embed };
}

const base64 = (numbers: number[]) =>
  Buffer.from(Float32Array.from(numbers).buffer).toString('base64');

describe('inferenceEmbeddingService', () => {
  it('asks for floats and returns vectors in the order of the inputs', async () => {
    const { calls, embed } = answering([
      { index: 1, embedding: [3, 4] },
      { index: 0, embedding: base64([1, 2]) },
    ]);
    expect(await embed(['a', 'b'])).toEqual([Float32Array.of(1, 2), Float32Array.of(3, 4)]);
    expect(calls[0]).toMatchObject({ endpoint: 'embeddings', principal });
    expect(JSON.parse(String(calls[0]?.body.bytes))).toEqual({
      model: 'm',
      input: ['a', 'b'],
      encoding_format: 'float',
    });
  });

  it.each([
    ['too few', [{ index: 0, embedding: [1] }]],
    ['uneven', [{ embedding: [1] }, { embedding: [1, 2] }]],
    ['empty', [{ embedding: [] }, { embedding: [] }]],
    ['no numbers', [{ embedding: [1, null] }, { embedding: ['x', 1] }]],
    ['none', undefined],
  ])('takes no %s vectors', async (_name, data) => {
    await expect(answering(data).embed(['a', 'b'])).rejects.toMatchObject({
      status: 502,
      code: 'upstream_error',
      retryable: true,
    });
  });
});
