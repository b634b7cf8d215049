import { expect, test } from 'vitest';
import { isTooDeep, JSON_DEPTH_MAX } from './json-depth.ts';

const nested = (depth: number, inner = '') => '['.repeat(depth) + inner + ']'.repeat(depth);
const padding = `"${'x'.repeat(JSON_DEPTH_MAX * 2)}"`;

test('ID-7 nesting up to the limit is fine, one level more is not', () => {
  expect(isTooDeep(nested(JSON_DEPTH_MAX, padding))).toBe(false);
  expect(isTooDeep(nested(JSON_DEPTH_MAX + 1, padding))).toBe(true);
  expect(isTooDeep('{"a":'.repeat(JSON_DEPTH_MAX + 1))).toBe(true);
  expect(isTooDeep(`[${nested(1)},`.repeat(1_000_000))).toBe(true);
});

test('ID-7 brackets in texts and side by side do not nest', () => {
  expect(isTooDeep(`{"a":"${'['.repeat(1_000)}","b":"\\"${'{'.repeat(1_000)}\\\\"}`)).toBe(false);
  expect(isTooDeep(`[${'[{}],'.repeat(10_000)}1]`)).toBe(false);
  expect(isTooDeep(`"${'['.repeat(1_000)}`)).toBe(false);
});
