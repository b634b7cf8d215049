import { expect, it } from 'vitest';
import { joinTokens, milvusRequests } from './milvus-rows.ts';

const row = (ordinal: number, tokens: readonly string[], dimensions = 4) => ({
  id: `gen_a.${ordinal}`,
  projectId: 'proj_a',
  vectorStoreId: 'vs_a',
  generationId: 'gen_a',
  vector: new Float32Array(dimensions).fill(1),
  words: tokens,
  characters: tokens,
});

it('cuts tokens at the byte limit of a VARCHAR, between tokens', () => {
  const tokens = Array.from({ length: 30_000 }, (_, i) => `词${i}`);
  const text = joinTokens(tokens);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(65_535);
  expect(Buffer.byteLength(text)).toBeGreaterThan(65_500);
  const kept = text.split(' ');
  expect(kept).toEqual(tokens.slice(0, kept.length));
  expect(joinTokens(['a', 'b'])).toBe('a b');
  expect(joinTokens([])).toBe('');
  const exact = Array.from({ length: 32_768 }, () => 'a');
  expect(joinTokens(exact)).toHaveLength(65_535);
});

it('splits the largest insert into requests far below 64 MB', () => {
  const many = Array.from({ length: 8000 }, (_, i) => `token${i}`);
  const rows = Array.from({ length: 200 }, (_, ordinal) => row(ordinal, many, 2048));
  const requests = milvusRequests(rows, true);
  expect(requests.length).toBeGreaterThan(1);
  expect(requests.flat().map((each) => each['id'])).toEqual(rows.map((each) => each.id));
  for (const request of requests)
    expect(Buffer.byteLength(JSON.stringify(request))).toBeLessThan(32 * 1024 * 1024);
});

it('leaves the tokens out for a server without full text', () => {
  expect(Object.keys(milvusRequests([row(0, ['a'])], false)[0]?.[0] ?? {})).not.toContain('words');
  expect(milvusRequests([], true)).toEqual([]);
});
