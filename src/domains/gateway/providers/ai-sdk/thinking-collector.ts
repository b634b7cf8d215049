import type { LanguageModelV4StreamPart, SharedV4ProviderMetadata } from '@ai-sdk/provider';
import type { JsonObject } from '../../field-checks.ts';
import type { SdkVendor } from './sdk-vendor.ts';
import { thinkingBlock } from './thinking-blocks.ts';

type ReasoningPart = Extract<
  LanguageModelV4StreamPart,
  { type: 'reasoning-start' | 'reasoning-delta' | 'reasoning-end' }
>;

interface OpenReasoning {
  text: string;
  metadata: SharedV4ProviderMetadata | undefined;
}

/** Reasoning of a stream: shown as it comes, and once more as a whole where it is signed. */
export class ThinkingCollector {
  readonly #vendor: SdkVendor;
  readonly #open = new Map<string, OpenReasoning>();

  constructor(vendor: SdkVendor) {
    this.#vendor = vendor;
  }

  deltaOf(part: ReasoningPart): JsonObject | undefined {
    const open = this.#open.get(part.id) ?? { text: '', metadata: undefined };
    this.#open.set(part.id, open);
    open.metadata = part.providerMetadata ?? open.metadata;
    if (part.type === 'reasoning-start') return undefined;
    if (part.type === 'reasoning-delta') {
      open.text += part.delta;
      return part.delta === '' ? undefined : { reasoning_content: part.delta };
    }
    this.#open.delete(part.id);
    const block = thinkingBlock(open.text, open.metadata, this.#vendor);
    return block === undefined ? undefined : { thinking_blocks: [block] };
  }
}
