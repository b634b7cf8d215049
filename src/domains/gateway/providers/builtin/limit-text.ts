export interface LimitedText {
  readonly text: string;
  readonly finishReason: 'stop' | 'length';
  readonly tokens: number;
}

export interface TextLimits {
  readonly stop: readonly string[];
  readonly tokensMax: number | undefined;
}

/** Applies stop sequences, which the answer never contains, and the limit on tokens. */
export async function limitText(text: string, limits: TextLimits): Promise<LimitedText> {
  const { encode, decode } = await import('gpt-tokenizer/encoding/o200k_base');
  const cut = beforeStop(text, limits.stop);
  const tokens = encode(cut, { disallowedSpecial: new Set() });
  const { tokensMax } = limits;
  if (tokensMax === undefined || tokens.length <= tokensMax)
    return { text: cut, finishReason: 'stop', tokens: tokens.length };
  // A token may end inside a character; half a character is left out.
  const kept = decode(tokens.slice(0, tokensMax)).replace(/\uFFFD+$/u, '');
  return { text: kept, finishReason: 'length', tokens: tokensMax };
}

function beforeStop(text: string, stop: readonly string[]): string {
  const starts = stop.map((sequence) => text.indexOf(sequence)).filter((start) => start >= 0);
  return starts.length === 0 ? text : text.slice(0, Math.min(...starts));
}
