import type { PriceRow } from './price.ts';

/** What an answer consumed. Cached, written and audio tokens are part of the prompt or completion they belong to. */
export interface PricedCounts {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
  readonly audioInputTokens?: number;
  readonly audioOutputTokens?: number;
}

export interface Cost {
  /** Null when the model has no price. */
  readonly costMicros: number | null;
  /** The version of the price list that says so; null when there is none. */
  readonly priceVersion: string | null;
}

const MILLION = 1_000_000;

/** One version of the price list. */
export class PriceTable {
  readonly #version: string | null;
  readonly #byName: ReadonlyMap<string, PriceRow>;
  /** Longest first, so that the most specific one is found. */
  readonly #prefixes: readonly { readonly prefix: string; readonly price: PriceRow }[];

  constructor(version: string | null, prices: readonly PriceRow[]) {
    this.#version = version;
    this.#byName = new Map(prices.map((price) => [price.model, price]));
    this.#prefixes = prices
      .filter(({ model }) => model.endsWith('*'))
      .map((price) => ({ prefix: price.model.slice(0, -1), price }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /**
   * What a call cost, in whole millionths of the currency. The parts are summed exactly and rounded up once, at the
   * end: a priced call that consumed something never costs nothing. A price with the exact name of the deployment goes
   * before that of the model.
   */
  costMicros(model: string, counts: PricedCounts, deployment?: string): Cost {
    const price = this.#find(model, deployment);
    if (price === undefined) return { costMicros: null, priceVersion: this.#version };
    return { costMicros: costOf(price, counts), priceVersion: this.#version };
  }

  #find(model: string, deployment: string | undefined): PriceRow | undefined {
    const own = deployment === undefined ? undefined : this.#byName.get(deployment);
    const named = own ?? this.#byName.get(model);
    return named ?? this.#prefixes.find(({ prefix }) => model.startsWith(prefix))?.price;
  }
}

function costOf(price: PriceRow, counts: PricedCounts): number {
  const { promptTokens, completionTokens, cachedTokens = 0, cacheWriteTokens = 0 } = counts;
  const { reasoningTokens = 0, audioInputTokens = 0, audioOutputTokens = 0 } = counts;
  const { input_micros: input, output_micros: output } = price;
  const plainPrompt = promptTokens - cachedTokens - cacheWriteTokens - audioInputTokens;
  const plainCompletion = completionTokens - reasoningTokens - audioOutputTokens;
  return roundedSum(price.request_micros, [
    [Math.max(0, plainPrompt), input],
    [cachedTokens, price.cached_input_micros ?? input],
    [cacheWriteTokens, price.cache_write_micros ?? input],
    [audioInputTokens, price.audio_input_micros ?? input],
    [Math.max(0, plainCompletion), output],
    [reasoningTokens, price.reasoning_micros ?? output],
    [audioOutputTokens, price.audio_output_micros ?? output],
  ]);
}

// Millions of tokens and the rest apart: each product stays below 2^53, where integers are exact.
function roundedSum(start: number, parts: readonly (readonly [number, number])[]): number {
  let whole = start;
  let rest = 0;
  for (const [tokens, micros] of parts) {
    const beyond = tokens % MILLION;
    whole += ((tokens - beyond) / MILLION) * micros;
    rest += beyond * micros;
  }
  const fraction = rest % MILLION;
  return whole + (rest - fraction) / MILLION + (fraction > 0 ? 1 : 0);
}
