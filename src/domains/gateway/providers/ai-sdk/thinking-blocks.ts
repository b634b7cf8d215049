import type { LanguageModelV4ReasoningPart, SharedV4ProviderMetadata } from '@ai-sdk/provider';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import type { SdkVendor } from './sdk-vendor.ts';

/**
 * Signed reasoning on its way through a dialect that has no place for it. Models that think between tool calls demand
 * it back unchanged, so it travels as `thinking_blocks`, a field that clients keep because they keep the whole message.
 */
export type ThinkingBlock =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string };

type Vendor = Pick<SdkVendor, 'optionsName'>;

/** The block that a finished piece of reasoning must be sent back as; undefined when the vendor asks for none. */
export function thinkingBlock(
  text: string,
  metadata: SharedV4ProviderMetadata | undefined,
  vendor: Vendor,
): ThinkingBlock | undefined {
  const own: JsonObject = metadata?.[vendor.optionsName] ?? {};
  const { signature, redactedData, redactedContent } = own;
  if (typeof signature === 'string') return { type: 'thinking', thinking: text, signature };
  const redacted = redactedContent ?? redactedData;
  if (typeof redacted === 'string') return { type: 'redacted_thinking', data: redacted };
  return undefined;
}

/** The reasoning parts of an earlier answer that a client sends back. */
export function reasoningParts(blocks: unknown, vendor: Vendor): LanguageModelV4ReasoningPart[] {
  if (!Array.isArray(blocks)) return [];
  return blocks.flatMap((block): LanguageModelV4ReasoningPart[] => {
    const own = isJsonObject(block) ? ownOptions(block, vendor) : undefined;
    if (own === undefined) return [];
    const text = typeof block.thinking === 'string' ? block.thinking : '';
    return [{ type: 'reasoning', text, providerOptions: { [vendor.optionsName]: own } }];
  });
}

function ownOptions(block: JsonObject, { optionsName }: Vendor) {
  const { type, signature, data } = block;
  if (type === 'thinking' && typeof signature === 'string') return { signature };
  if (type !== 'redacted_thinking' || typeof data !== 'string') return undefined;
  return optionsName === 'amazonBedrock' ? { redactedContent: data } : { redactedData: data };
}
