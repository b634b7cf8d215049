import { isJsonObject, type JsonObject } from './field-checks.ts';

// A long run without a space costs the tokenizer quadratic time (20 000 letters: half a second).
const SLICE_CHARACTERS = 512;
const COUNTED_CHARACTERS_MAX = 64 * 1024;

/**
 * Tokens of `text` in the o200k vocabulary. Long texts are counted from their start and extrapolated: it is an
 * estimate, made only where the upstream reports nothing. The vocabulary takes 70 MB, so it is loaded at first use.
 */
export async function estimateTokens(text: string): Promise<number> {
  if (text === '') return 0;
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  const counted = Math.min(text.length, COUNTED_CHARACTERS_MAX);
  let tokens = 0;
  for (let start = 0; start < counted; start += SLICE_CHARACTERS) {
    const slice = text.slice(start, Math.min(start + SLICE_CHARACTERS, counted));
    tokens += countTokens(slice, { disallowedSpecial: new Set() });
  }
  return Math.ceil((tokens * text.length) / counted);
}

/** Tokens that the input of a call amounts to: text is estimated, token arrays are counted. */
export async function estimatePrompt(json: JsonObject): Promise<number> {
  const texts: string[] = [];
  let tokens = 0;
  const visit = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'number') tokens += 1;
    else if (Array.isArray(value)) for (const item of value) visit(item);
    // Only text fields: the address of a picture is no text.
    else if (isJsonObject(value)) {
      visit(value['content']);
      visit(value['text']);
    }
  };
  visit(json['messages']);
  visit(json['prompt']);
  visit(json['input']);
  return tokens + (await estimateTokens(texts.join('\n')));
}

/** Tokens of the text in an answer that is no stream. */
export async function estimateCompletion(json: JsonObject): Promise<number> {
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
