import type { Clock } from '../../../../ports/clock.ts';
import { BUILTIN_EMBEDDING_MODEL } from '../../../models/index.ts';
import { gatewayError } from '../../errors.ts';
import type { JsonAnswer, Provider, StreamAnswer, UpstreamRequest } from '../../provider.ts';
import { answerOf } from './builtin-answer.ts';
import { embeddingsObject } from './builtin-embeddings.ts';
import { answerEvents, answerObject, type Envelope } from './builtin-envelope.ts';

/**
 * Works without any upstream: an extractive reader and a lexical embedder. Neither is a language model, and both say
 * so by their names and by `system_fingerprint`.
 */
export class BuiltinProvider implements Provider {
  readonly #clock: Clock;

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  async complete(request: UpstreamRequest): Promise<JsonAnswer> {
    checkEndpoint(request);
    const json =
      request.endpoint === 'embeddings'
        ? await embeddingsObject(request)
        : answerObject(this.#envelope(request), await answerOf(request));
    return { headers: jsonHeaders, body: Buffer.from(JSON.stringify(json)), json };
  }

  async stream(request: UpstreamRequest): Promise<StreamAnswer> {
    checkEndpoint(request);
    const answer = await answerOf(request);
    const events = answerEvents(this.#envelope(request), answer, request.usageAsked);
    return {
      headers: {},
      chunks: { next: async () => events.next() },
      release: () => undefined,
    };
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  #envelope({ endpoint, deployment }: UpstreamRequest): Envelope {
    const chat = endpoint === 'chat.completions';
    return {
      id: this.#clock.newId(chat ? 'chatcmpl-' : 'cmpl-'),
      created: Math.floor(this.#clock.now().getTime() / 1000),
      model: deployment.upstreamModel,
      chat,
    };
  }
}

const jsonHeaders = { 'content-type': 'application/json' };

function checkEndpoint({ endpoint, deployment }: UpstreamRequest): void {
  const model = deployment.upstreamModel;
  const embeds = model === BUILTIN_EMBEDDING_MODEL;
  if (embeds === (endpoint === 'embeddings')) return;
  throw gatewayError('unsupported_endpoint', {
    message: `The model \`${model}\` serves ${embeds ? 'embeddings' : 'chat and completions'} only.`,
    param: 'model',
  });
}
