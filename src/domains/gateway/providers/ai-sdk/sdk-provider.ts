import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { gatewayError } from '../../errors.ts';
import type { JsonObject } from '../../field-checks.ts';
import type { JsonAnswer, Provider, StreamAnswer, UpstreamRequest } from '../../provider.ts';
import { ChatChunks } from './chat-chunks.ts';
import { chatCompletion } from './chat-completion.ts';
import { chatOptions } from './chat-options.ts';
import { embed } from './embed.ts';
import { ignoredHeaders } from './ignored-headers.ts';
import { type ExchangeServices, SdkExchange } from './sdk-exchange.ts';
import type { SdkVendor } from './sdk-vendor.ts';

type PartReader = ReadableStreamDefaultReader<LanguageModelV4StreamPart>;

/** A vendor whose dialect an SDK speaks: OpenAI's request in, OpenAI's answer out. */
export class SdkProvider implements Provider {
  readonly #vendor: SdkVendor;
  readonly #services: ExchangeServices;

  constructor(vendor: SdkVendor, services: ExchangeServices) {
    this.#vendor = vendor;
    this.#services = services;
  }

  async complete(request: UpstreamRequest): Promise<JsonAnswer> {
    const { firstByteMs } = this.#services.timeouts;
    const exchange = this.#exchange(request, firstByteMs);
    const answer = await exchange.guard(() => this.#answer(request, exchange));
    exchange.release(true);
    return answer;
  }

  async stream(request: UpstreamRequest): Promise<StreamAnswer> {
    if (request.endpoint !== 'chat.completions') throw this.#unserved(request);
    // The time until the first event is the caller's own timer; this one only must not come before it.
    const exchange = this.#exchange(request, this.#services.timeouts.firstTokenMs + 1_000);
    const { reader, headers } = await exchange.guard(() => this.#openParts(request, exchange));
    const chunks = new ChatChunks(
      { ...this.#envelope(request), usageAsked: request.usageAsked },
      this.#vendor,
    );
    return {
      headers,
      chunks: { next: () => exchange.guard(() => nextChunk(reader, chunks)) },
      release: (complete) => {
        exchange.release(complete);
        // The SDK's own streams have nothing to say any more, not even a failure. Cancelling them closes the socket,
        // so a complete one is left to the collector.
        if (!complete) reader.cancel().catch(() => undefined);
      },
    };
  }

  async close(): Promise<void> {
    await this.#services.pools.close();
  }

  #answer(request: UpstreamRequest, exchange: SdkExchange): Promise<JsonAnswer> {
    if (request.endpoint === 'chat.completions') return this.#chat(request, exchange);
    if (request.endpoint === 'embeddings') return this.#embeddings(request, exchange);
    throw this.#unserved(request);
  }

  async #embeddings(request: UpstreamRequest, exchange: SdkExchange): Promise<JsonAnswer> {
    const model = await this.#vendor.embeddingModel?.(request.deployment, exchange.send);
    if (model === undefined) throw this.#unserved(request);
    return answerOf(await embed(request, model, this.#vendor), {});
  }

  async #chat(request: UpstreamRequest, exchange: SdkExchange): Promise<JsonAnswer> {
    const { json, deployment, signal } = request;
    const model = await this.#vendor.languageModel(deployment, exchange.send);
    const options = await chatOptions(json, model, this.#vendor);
    const result = await model.doGenerate({ ...options, abortSignal: signal });
    const completion = chatCompletion(result, this.#envelope(request), this.#vendor);
    return answerOf(completion, ignoredHeaders(result.warnings));
  }

  async #openParts(request: UpstreamRequest, exchange: SdkExchange) {
    const { json, deployment, signal } = request;
    const model = await this.#vendor.languageModel(deployment, exchange.send);
    const options = await chatOptions(json, model, this.#vendor);
    const { stream } = await model.doStream({ ...options, abortSignal: signal });
    const reader = stream.getReader();
    // It comes from the SDK itself, before anything of the upstream.
    const { value: start } = await reader.read();
    const warnings = start?.type === 'stream-start' ? start.warnings : [];
    return { reader, headers: ignoredHeaders(warnings) };
  }

  #exchange(request: UpstreamRequest, headersTimeoutMs: number): SdkExchange {
    return new SdkExchange(this.#services, { request, vendor: this.#vendor, headersTimeoutMs });
  }

  #envelope({ json }: UpstreamRequest) {
    const { clock } = this.#services;
    return {
      id: clock.newId('chatcmpl-'),
      created: Math.floor(clock.now().getTime() / 1000),
      model: String(json['model']),
    };
  }

  #unserved({ endpoint }: UpstreamRequest) {
    return gatewayError('unsupported_endpoint', {
      message: `${this.#vendor.title} does not serve '${endpoint}'. Choose another model.`,
      param: 'model',
    });
  }
}

/** The events of the next part that has any. */
async function nextChunk(
  reader: PartReader,
  chunks: ChatChunks,
): Promise<IteratorResult<Buffer, undefined>> {
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return { done: true, value: undefined };
    const events = chunks.eventsOf(value);
    if (events !== '') return { done: false, value: Buffer.from(events) };
  }
}

function answerOf(json: JsonObject, headers: Readonly<Record<string, string>>): JsonAnswer {
  return {
    headers: { ...headers, 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(json)),
    json,
  };
}
