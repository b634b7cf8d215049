import { createHash } from 'node:crypto';
import type { EmbeddingService, EmbedRequest } from '../../src/domains/gateway/index.ts';

export const EMBEDDER_DIMENSIONS = 64;

/** Embeds by hashed words and pairs of characters, counts what it is asked, and fails when told to. */
export class ScriptedEmbedder implements EmbeddingService {
  readonly asked: string[] = [];
  readonly requests: EmbedRequest[] = [];
  /** Called before each answer; what it throws is the answer. */
  before: (request: EmbedRequest) => void | Promise<void> = () => undefined;

  async embed(request: EmbedRequest): Promise<Float32Array[]> {
    this.requests.push(request);
    await this.before(request);
    request.signal.throwIfAborted();
    this.asked.push(...request.inputs);
    return request.inputs.map(vectorOf);
  }
}

function vectorOf(text: string): Float32Array {
  const vector = new Float32Array(EMBEDDER_DIMENSIONS);
  const features = text.toLowerCase().match(/[a-z0-9]+|\p{Script=Han}{1,2}/gu) ?? [];
  for (const feature of features) {
    const digest = createHash('md5').update(feature).digest();
    const slot = digest.readUInt16LE(0) % EMBEDDER_DIMENSIONS;
    vector[slot] = (vector[slot] ?? 0) + (digest.readUInt8(2) % 2 === 0 ? 1 : -1);
  }
  // A vector of zeros has no direction.
  vector[0] = (vector[0] ?? 0) + 0.01;
  return vector;
}
