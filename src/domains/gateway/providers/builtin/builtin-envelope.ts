import type { JsonObject } from '../../field-checks.ts';
import type { BuiltinAnswer } from './builtin-answer.ts';
import type { LimitedText } from './limit-text.ts';

export const SYSTEM_FINGERPRINT = 'llamp-builtin-extractive';

export interface Envelope {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  readonly chat: boolean;
}

export function answerObject(envelope: Envelope, answer: BuiltinAnswer): JsonObject {
  const choices = answer.choices.map((choice, index) => ({
    index,
    ...(envelope.chat
      ? { message: { role: 'assistant', content: choice.text, refusal: null, annotations: [] } }
      : { text: choice.text }),
    logprobs: null,
    finish_reason: choice.finishReason,
  }));
  const object = envelope.chat ? 'chat.completion' : 'text_completion';
  return { ...head(envelope, object), choices, usage: answer.usage };
}

/** The events of the same answer. The usage event is always there: the relay hides it from who did not ask. */
export function* answerEvents(
  envelope: Envelope,
  answer: BuiltinAnswer,
  usageAsked: boolean,
): Generator<Buffer, undefined> {
  const object = envelope.chat ? 'chat.completion.chunk' : 'text_completion';
  // With usage asked for, OpenAI puts a null into every event but the last.
  const common = { ...head(envelope, object), ...(usageAsked ? { usage: null } : {}) };
  for (const [index, choice] of answer.choices.entries()) {
    for (const part of choiceParts(envelope.chat, choice)) {
      yield event({ ...common, choices: [{ index, logprobs: null, ...part }] });
    }
  }
  yield event({ ...common, choices: [], usage: answer.usage });
  yield Buffer.from('data: [DONE]\n\n');
  return undefined;
}

function* choiceParts(chat: boolean, choice: LimitedText): Generator<JsonObject> {
  if (chat) {
    yield { delta: { role: 'assistant', content: '', refusal: null }, finish_reason: null };
  }
  for (const text of piecesOf(choice.text)) {
    yield { ...(chat ? { delta: { content: text } } : { text }), finish_reason: null };
  }
  yield { ...(chat ? { delta: {} } : { text: '' }), finish_reason: choice.finishReason };
}

// About the size of a token, so that a client sees what it would see from a model.
function piecesOf(text: string): readonly string[] {
  return text.match(/\s*(?:[\p{Script=Han}]{1,4}|[^\s\p{Script=Han}]{1,16})|\s+$/gu) ?? [];
}

function head(envelope: Envelope, object: string): JsonObject {
  return {
    id: envelope.id,
    object,
    created: envelope.created,
    model: envelope.model,
    system_fingerprint: SYSTEM_FINGERPRINT,
  };
}

const event = (json: JsonObject) => Buffer.from(`data: ${JSON.stringify(json)}\n\n`);
