import type { SharedV4ProviderMetadata } from '@ai-sdk/provider';

/** What a client must send back with a call, where Google's own OpenAI endpoint puts it. */
export function extraContent(metadata: SharedV4ProviderMetadata | undefined) {
  const signature = metadata?.['google']?.['thoughtSignature'];
  if (typeof signature !== 'string') return {};
  return { extra_content: { google: { thought_signature: signature } } };
}
