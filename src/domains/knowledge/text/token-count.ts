import { countTokens as countCl100k } from 'gpt-tokenizer/encoding/cl100k_base';

/** The vocabulary that chunk sizes are counted in; the OpenAI API reports sizes without naming it. */
export const CHUNK_TOKEN_ENCODING = 'cl100k_base';

/** Tokens of a text. Markers such as `<|endoftext|>` are ordinary text here, never an error. */
export function countTokens(text: string): number {
  return countCl100k(text, { disallowedSpecial: new Set<string>() });
}
