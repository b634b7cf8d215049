import type {
  LanguageModelV4Content,
  LanguageModelV4GenerateResult,
  LanguageModelV4ToolCall,
} from '@ai-sdk/provider';
import type { JsonObject } from '../../field-checks.ts';
import { garbage } from '../../upstream-failure.ts';
import type { ChunkEnvelope } from './chat-chunks.ts';
import { finishReason } from './finish-reason.ts';
import { generatedImage } from './generated-image.ts';
import type { SdkVendor } from './sdk-vendor.ts';
import { thinkingBlock } from './thinking-blocks.ts';
import { extraContent } from './tool-call-object.ts';
import { usageObject } from './usage-object.ts';

/** The result of an SDK as a chat completion. Throws when the vendor never said that the answer ended. */
export function chatCompletion(
  result: LanguageModelV4GenerateResult,
  envelope: Omit<ChunkEnvelope, 'usageAsked'>,
  vendor: SdkVendor,
): JsonObject {
  const finish_reason = finishReason(result.finishReason);
  if (finish_reason === undefined) throw garbage('The upstream did not say why its answer ended.');
  const message = messageOf(result.content, vendor);
  const usage = usageObject(result.usage);
  return {
    ...envelope,
    object: 'chat.completion',
    choices: [{ index: 0, message, logprobs: null, finish_reason }],
    ...(usage === undefined ? {} : { usage }),
  };
}

function messageOf(content: readonly LanguageModelV4Content[], vendor: SdkVendor): JsonObject {
  const text = content.map((part) => (part.type === 'text' ? part.text : '')).join('');
  const reasoning = content.filter((part) => part.type === 'reasoning');
  const calls = content
    .filter((part) => part.type === 'tool-call')
    .filter((call) => call.providerExecuted !== true);
  const files = content.filter((part) => part.type === 'file');
  const thought = reasoning.map((part) => part.text).join('');
  const blocks = reasoning
    .map((part) => thinkingBlock(part.text, part.providerMetadata, vendor))
    .filter((block) => block !== undefined);
  return {
    role: 'assistant',
    // OpenAI writes null where there are only calls.
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
    annotations: [],
    ...(thought === '' ? {} : { reasoning_content: thought }),
    ...(blocks.length === 0 ? {} : { thinking_blocks: blocks }),
    ...(files.length === 0 ? {} : { images: files.map(generatedImage) }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toolCallObject) }),
  };
}

function toolCallObject(call: LanguageModelV4ToolCall): JsonObject {
  const { toolCallId: id, toolName: name, input, providerMetadata } = call;
  const called = { name, arguments: input === '' ? '{}' : input };
  return { id, type: 'function', function: called, ...extraContent(providerMetadata) };
}
