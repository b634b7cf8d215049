import type { EmbeddingModelV4, EmbeddingModelV4Result } from '@ai-sdk/provider';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import type { UpstreamRequest } from '../../provider.ts';
import { garbage } from '../../upstream-failure.ts';
import { unsupported } from './refuse-fields.ts';
import type { SdkVendor } from './sdk-vendor.ts';

// Vendors that take one text a call are asked for a few at a time.
const CALLS_AT_ONCE = 8;

/** Embeddings in the order of the inputs, in as many calls as the vendor's limit makes of them. */
export async function embed(
  { json, signal, deployment }: UpstreamRequest,
  model: EmbeddingModelV4,
  vendor: SdkVendor,
): Promise<JsonObject> {
  const texts = textsOf(json['input'], vendor.title);
  const perCall = (await model.maxEmbeddingsPerCall) ?? texts.length;
  const options = {
    dimensions: typeof json['dimensions'] === 'number' ? json['dimensions'] : undefined,
    providerOptions: vendor.embeddingOptions?.(json, deployment.upstreamModel),
    abortSignal: signal,
  };
  const results = await inTurns(batchesOf(texts, perCall), (values) =>
    model.doEmbed({ ...options, values }),
  );
  const embeddings = results.flatMap((result) => result.embeddings);
  if (embeddings.length !== texts.length)
    throw garbage(`The upstream answered ${texts.length} texts with ${embeddings.length} vectors.`);
  const usage = usageOf(results);
  const base64 = json['encoding_format'] === 'base64';
  return {
    object: 'list',
    data: embeddings.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: base64 ? base64Of(vector) : vector,
    })),
    model: String(json['model']),
    // Without a count from the vendor there is none: the meter estimates, and says so.
    ...(usage === undefined ? {} : { usage }),
  };
}

function textsOf(input: unknown, title: string): readonly string[] {
  const items = Array.isArray(input) ? input : [input];
  return items.map((item) => {
    if (typeof item === 'string') return item;
    throw unsupported('input', title, 'token numbers; send text');
  });
}

function batchesOf(texts: readonly string[], perCall: number): string[][] {
  const count = Math.ceil(texts.length / perCall);
  return Array.from({ length: count }, (_, index) =>
    texts.slice(index * perCall, (index + 1) * perCall),
  );
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => PromiseLike<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += CALLS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + CALLS_AT_ONCE).map(work))));
  }
  return results;
}

/** All calls counted, or nothing: a part of a sum is a wrong number. */
function usageOf(results: readonly EmbeddingModelV4Result[]) {
  let tokens = 0;
  for (const result of results) {
    const counted = result.usage?.tokens ?? googleTokens(result.response?.body);
    if (counted === undefined || !Number.isInteger(counted)) return undefined;
    tokens += counted;
  }
  return { prompt_tokens: tokens, total_tokens: tokens };
}

/** Google's newer embedding models count in a field that its SDK does not read. */
function googleTokens(body: unknown): number | undefined {
  const usage = isJsonObject(body) ? body['usageMetadata'] : undefined;
  const tokens = isJsonObject(usage) ? usage['promptTokenCount'] : undefined;
  return typeof tokens === 'number' ? tokens : undefined;
}

function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
