import { setImmediate as nextTurn } from 'node:timers/promises';
import { BUILTIN_EMBEDDING_DIMENSIONS } from '../../../models/index.ts';
import { invalidValue } from '../../errors.ts';
import type { JsonObject } from '../../field-checks.ts';
import type { UpstreamRequest } from '../../provider.ts';
import { promptParts } from '../../token-estimate.ts';
import { textsOf } from './builtin-text.ts';
import { countTokens } from './count-tokens.ts';
import { embedLexically } from './lexical-embedder.ts';

// Texts between two turns of the event loop: a long list must not hold up streams.
const TEXTS_PER_TURN = 8;

export async function embeddingsObject({ json, signal }: UpstreamRequest): Promise<JsonObject> {
  const dimensions = dimensionsOf(json);
  const encode = json['encoding_format'] === 'base64' ? base64Of : numbersOf;
  const data: JsonObject[] = [];
  for (const [index, text] of textsOf(json, 'input').entries()) {
    data.push({ object: 'embedding', index, embedding: encode(embedLexically(text, dimensions)) });
    if (index % TEXTS_PER_TURN === TEXTS_PER_TURN - 1) await nextTurn();
    signal.throwIfAborted();
  }
  const tokens = await countTokens(promptParts(json).text);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { object: 'list', data, model: json['model'], usage };
}

function dimensionsOf(json: JsonObject): number {
  const asked = json['dimensions'] ?? BUILTIN_EMBEDDING_DIMENSIONS;
  if (typeof asked === 'number' && asked <= BUILTIN_EMBEDDING_DIMENSIONS) return asked;
  throw invalidValue('dimensions', `this model has at most ${BUILTIN_EMBEDDING_DIMENSIONS}`);
}

const numbersOf = (vector: Float32Array) => [...vector];

/** Little-endian whatever the machine: that is what clients decode. */
function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
