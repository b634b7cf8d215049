import type { Provider, UpstreamRequest } from '../../provider.ts';
import type { ExchangeServices } from '../ai-sdk/sdk-exchange.ts';
import { SdkProvider } from '../ai-sdk/sdk-provider.ts';
import { OpenAiCompatibleProvider } from '../openai-compatible/open-ai-compatible-provider.ts';
import { anthropicVendor } from './anthropic-vendor.ts';
import { messagesTarget } from './messages-target.ts';

/** Anthropic: `messages` as the bytes that came, in its own dialect; chat completions translated. */
export class AnthropicProvider implements Provider {
  readonly #messages: Provider;
  readonly #chat: Provider;

  constructor(services: ExchangeServices) {
    const { timeouts, clock, guard } = services;
    this.#messages = new OpenAiCompatibleProvider({
      timeouts,
      clock,
      guard,
      target: messagesTarget,
    });
    this.#chat = new SdkProvider(anthropicVendor, services);
  }

  complete(request: UpstreamRequest) {
    return this.#speaker(request).complete(request);
  }

  stream(request: UpstreamRequest) {
    return this.#speaker(request).stream(request);
  }

  async close(): Promise<void> {
    await Promise.all([this.#messages.close(), this.#chat.close()]);
  }

  #speaker({ endpoint }: UpstreamRequest): Provider {
    return endpoint === 'messages' ? this.#messages : this.#chat;
  }
}
