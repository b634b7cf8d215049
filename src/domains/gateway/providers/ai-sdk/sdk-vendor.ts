import type { EmbeddingModelV4, LanguageModelV4, SharedV4ProviderOptions } from '@ai-sdk/provider';
import type { Deployment } from '../../../models/index.ts';
import type { JsonObject } from '../../field-checks.ts';
import type { FailedAnswer } from '../openai-compatible/map-failure.ts';

/** How an SDK reaches the network. */
export type SdkFetch = typeof globalThis.fetch;

/** What one vendor's dialect is made of, beyond the translation that all of them share. */
export interface SdkVendor {
  /** For messages to people. */
  readonly title: string;
  /** The name under which the SDK keeps what is the vendor's own: options going out, metadata coming back. */
  readonly optionsName: 'anthropic' | 'google' | 'amazonBedrock';
  /** Fields that this vendor cannot express; each is true for a value that asks for the impossible. */
  readonly refuses: Readonly<Record<string, (value: unknown) => boolean>>;
  /** Loads the SDK at the first call: a process that never calls the vendor does not pay for it. */
  languageModel(deployment: Deployment, fetch: SdkFetch): Promise<LanguageModelV4>;
  embeddingModel?(deployment: Deployment, fetch: SdkFetch): Promise<EmbeddingModelV4>;
  /** Fields of the chat request that travel as the vendor's own options. */
  chatOptions(json: JsonObject): SharedV4ProviderOptions;
  embeddingOptions?(json: JsonObject, upstreamModel: string): SharedV4ProviderOptions;
  /** The vendor's error in the terms of OpenAI's statuses and headers. */
  readFailure(answer: FailedAnswer): FailedAnswer;
}
