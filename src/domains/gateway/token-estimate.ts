import { isJsonObject, type JsonObject } from './field-checks.ts';

const SCANNED_CHARACTERS_MAX = 256 * 1024;
// Messages, parts and their texts are five levels; what lies deeper is no input that a model reads.
const DEPTH_MAX = 16;
const CLASSES =
  /(\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul})|(\p{N}{1,3})|([\p{L}\p{M}]+)|([^\s\p{L}\p{M}\p{N}]+)/gu;
// Measured against the o200k vocabulary on prose of each kind.
const TOKENS_PER_IDEOGRAPH = 0.72;
const LETTERS_PER_EXTRA_TOKEN = 9;
const SYMBOLS_PER_TOKEN = 2;

/**
 * About how many tokens a text is, within a fifth for prose. A rule of thumb on purpose: it is used only where the
 * upstream reports nothing and the record is flagged, and loading a vocabulary would stop every stream for half a
 * second and cost 70 MB.
 */
export function estimateTokens(text: string): number {
  if (text === '') return 0;
  const scanned = text.slice(0, SCANNED_CHARACTERS_MAX);
  let tokens = 0;
  for (const [run, ideograph, digits, letters] of scanned.matchAll(CLASSES)) {
    if (ideograph !== undefined) tokens += TOKENS_PER_IDEOGRAPH;
    else if (digits !== undefined) tokens += 1;
    else if (letters !== undefined)
      tokens += 1 + Math.floor(letters.length / LETTERS_PER_EXTRA_TOKEN);
    else tokens += Math.ceil(run.length / SYMBOLS_PER_TOKEN);
  }
  return Math.max(1, Math.ceil((tokens * text.length) / scanned.length));
}

/** All text of a call's input, and the number of tokens that it gives as numbers. */
export function promptParts(json: JsonObject): { text: string; tokens: number } {
  const texts: string[] = [];
  let tokens = 0;
  const visit = (value: unknown, depth: number): void => {
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'number') tokens += 1;
    else if (depth > DEPTH_MAX) return;
    else if (Array.isArray(value)) for (const item of value) visit(item, depth + 1);
    // Only text fields: the address of a picture is no text.
    else if (isJsonObject(value)) {
      visit(value['content'], depth + 1);
      visit(value['text'], depth + 1);
    }
  };
  visit(json['system'], 0);
  visit(json['messages'], 0);
  visit(json['prompt'], 0);
  visit(json['input'], 0);
  visit(json['query'], 0);
  visit(json['documents'], 0);
  return { text: texts.join('\n'), tokens };
}

/** Tokens that the input of a call amounts to: text is estimated, token arrays are counted. */
export function estimatePrompt(json: JsonObject): number {
  const { text, tokens } = promptParts(json);
  return tokens + estimateTokens(text);
}

/** Tokens of the text in an answer that is no stream. */
export function estimateCompletion(json: JsonObject): number {
  const choices = json['choices'];
  if (!Array.isArray(choices)) return 0;
  const texts = choices.flatMap((choice: unknown) => {
    if (!isJsonObject(choice)) return [];
    const message = choice['message'];
    const text = isJsonObject(message) ? message['content'] : choice['text'];
    return typeof text === 'string' ? [text] : [];
  });
  return estimateTokens(texts.join('\n'));
}
