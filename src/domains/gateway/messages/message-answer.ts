import { isJsonObject, type JsonObject } from '../field-checks.ts';
import type { ReportedUsage } from '../stream-dialect.ts';
import { estimateCompletion } from '../token-estimate.ts';
import { garbage } from '../upstream-failure.ts';
import { translatedUsage } from './chat-usage.ts';
import { contentOf } from './content-of-message.ts';
import { estimateInput } from './estimate-input.ts';
import { messageEnvelope, stopFields } from './message-envelope.ts';

/** A chat completion as the message that answers `request`. Throws when it is none. */
export function messageAnswer(
  completion: JsonObject,
  request: JsonObject,
  reported: ReportedUsage,
): JsonObject {
  const { id, choices } = completion;
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isJsonObject(choice) || !isJsonObject(choice['message']))
    throw garbage('The upstream answered with no message.');
  const { message, finish_reason: reason, stop_reason: matched } = choice;
  const finishReason = typeof reason === 'string' ? reason : 'stop';
  const name = typeof id === 'string' ? id : '';
  const content = contentOf(message as JsonObject, finishReason, name);
  const called = content.some((block) => block['type'] === 'tool_use');
  return messageEnvelope(
    { id: name, model: String(request['model']) },
    {
      content,
      stop: stopFields(finishReason, { called, matched }),
      usage: translatedUsage(reported, () => ({
        promptTokens: estimateInput(request),
        completionTokens: estimateCompletion(completion),
      })),
    },
  );
}
