// A long run without a space costs the tokenizer quadratic time (20 000 letters: half a second).
const SLICE_CHARACTERS = 512;
// More text than this is extrapolated; the reader does not read more either.
const COUNTED_CHARACTERS_MAX = 400_000;

/** Tokens of `text` in the o200k vocabulary. It takes 70 MB, so it is loaded at first use. */
export async function countTokens(text: string): Promise<number> {
  if (text === '') return 0;
  const tokenizer = await import('gpt-tokenizer/encoding/o200k_base');
  const counted = Math.min(text.length, COUNTED_CHARACTERS_MAX);
  let tokens = 0;
  for (let start = 0; start < counted; start += SLICE_CHARACTERS) {
    const slice = text.slice(start, Math.min(start + SLICE_CHARACTERS, counted));
    tokens += tokenizer.countTokens(slice, { disallowedSpecial: new Set() });
  }
  return Math.ceil((tokens * text.length) / counted);
}
