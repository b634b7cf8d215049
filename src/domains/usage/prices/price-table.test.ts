import { describe, expect, it } from 'vitest';
import type { PriceRow } from './price.ts';
import { PRICE_MICROS_MAX } from './price.ts';
import { PriceTable } from './price-table.ts';

function price(model: string, fields: Partial<PriceRow> = {}): PriceRow {
  return {
    model,
    input_micros: 2_000_000,
    output_micros: 8_000_000,
    cached_input_micros: null,
    cache_write_micros: null,
    reasoning_micros: null,
    audio_input_micros: null,
    audio_output_micros: null,
    request_micros: 0,
    ...fields,
  };
}

const costOf = (row: PriceRow, counts: Partial<Parameters<PriceTable['costMicros']>[1]>) =>
  new PriceTable('v', [row]).costMicros(row.model, {
    promptTokens: 0,
    completionTokens: 0,
    ...counts,
  }).costMicros;

describe('PriceTable', () => {
  it('GW-8 prices every kind of token once', () => {
    const row = price('m', {
      cached_input_micros: 500_000,
      cache_write_micros: 2_500_000,
      reasoning_micros: 9_000_000,
      audio_input_micros: 40_000_000,
      audio_output_micros: 80_000_000,
      request_micros: 7,
    });
    const counts = {
      promptTokens: 1_000,
      cachedTokens: 300,
      cacheWriteTokens: 200,
      audioInputTokens: 100,
      completionTokens: 500,
      reasoningTokens: 150,
      audioOutputTokens: 50,
    };
    const prompt = 400 * 2 + 300 * 0.5 + 200 * 2.5 + 100 * 40;
    const completion = 300 * 8 + 150 * 9 + 50 * 80;
    expect(costOf(row, counts)).toBe(7 + prompt + completion);
  });

  it('prices what has no price of its own as prompt and completion', () => {
    const counts = { promptTokens: 10, cachedTokens: 4, completionTokens: 3, reasoningTokens: 3 };
    expect(costOf(price('m'), counts)).toBe(10 * 2 + 3 * 8);
  });

  it('rounds the sum up to a whole millionth, once', () => {
    const cheap = price('m', { input_micros: 150_000, output_micros: 600_000 });
    expect(costOf(cheap, { promptTokens: 1 })).toBe(1);
    expect(costOf(cheap, { promptTokens: 2, completionTokens: 1 })).toBe(1);
    expect(costOf(cheap, { promptTokens: 20 })).toBe(3);
    expect(costOf(cheap, {})).toBe(0);
  });

  it('is exact for the largest counts and prices', () => {
    const tokens = 2_147_483_647;
    const dear = price('m', { input_micros: PRICE_MICROS_MAX - 1 });
    const exact = (BigInt(tokens) * BigInt(PRICE_MICROS_MAX - 1) + 999_999n) / 1_000_000n;
    expect(costOf(dear, { promptTokens: tokens })).toBe(Number(exact));
  });

  it('takes a name before a pattern, and the longest pattern', () => {
    const table = new PriceTable('v', [
      price('*', { request_micros: 1 }),
      price('gpt-*', { request_micros: 2 }),
      price('gpt-5*', { request_micros: 3 }),
      price('gpt-5', { request_micros: 4 }),
    ]);
    const nothing = { promptTokens: 0, completionTokens: 0 };
    const costs = ['gpt-5', 'gpt-5-mini', 'gpt-4o', 'llama'].map(
      (model) => table.costMicros(model, nothing).costMicros,
    );
    expect(costs).toEqual([4, 3, 2, 1]);
    expect(table.costMicros('gpt-5', nothing).priceVersion).toBe('v');
  });

  it('has no cost for a model without a price', () => {
    const cost = new PriceTable('v', [price('m')]).costMicros('x', {
      promptTokens: 1,
      completionTokens: 1,
    });
    expect(cost).toEqual({ costMicros: null, priceVersion: 'v' });
  });
});
