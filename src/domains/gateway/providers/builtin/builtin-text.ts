import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import { invalidValue } from '../../errors.ts';
import type { ReadMessage } from './extract-answer.ts';

/** The text of each message; pictures and other parts have none. */
export function messagesOf(json: JsonObject): ReadMessage[] {
  const messages = json['messages'];
  if (!Array.isArray(messages)) return [];
  return messages.flatMap((message: unknown) =>
    isJsonObject(message)
      ? [{ role: String(message['role']), text: textOf(message['content']) }]
      : [],
  );
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part: unknown) => (isJsonObject(part) ? part['text'] : undefined))
    .filter((text) => typeof text === 'string')
    .join('\n');
}

/** A field that is a text or several; token arrays mean another vocabulary, so they are refused. */
export function textsOf(json: JsonObject, field: string): string[] {
  const value = json[field];
  const texts = Array.isArray(value) ? value : [value];
  return texts.map((text: unknown, index) => {
    if (typeof text === 'string') return text;
    const param = Array.isArray(value) && Array.isArray(text) ? `${field}[${index}]` : field;
    throw invalidValue(param, 'this model takes text, no token arrays');
  });
}

export function stopSequences(json: JsonObject): string[] {
  const stop = json['stop'];
  const sequences = Array.isArray(stop) ? stop : [stop];
  return sequences.filter((sequence) => typeof sequence === 'string' && sequence !== '');
}
