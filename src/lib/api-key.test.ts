import { expect, test } from 'vitest';
import { apiKeyPrefix, generateApiKey, isWellFormedApiKey } from './api-key.ts';

test('a generated key is well formed, and not with one character changed', () => {
  const key = generateApiKey();
  expect(isWellFormedApiKey(key)).toBe(true);
  const changed = key.slice(0, 12) + (key[12] === 'a' ? 'b' : 'a') + key.slice(13);
  expect(isWellFormedApiKey(changed)).toBe(false);
  expect(key).not.toContain(apiKeyPrefix(generateApiKey()));
});

test.each([
  ['a-key-of-the-operator', true],
  ['short', false],
  ['with a blank in the middle', false],
  ['schlüssel-des-betreibers', false],
  ['x'.repeat(201), false],
])('ID-3 a key that an operator chose: %s -> %s', (key, expected) => {
  expect(isWellFormedApiKey(key)).toBe(expected);
});

test('little of a chosen key is shown', () => {
  expect(apiKeyPrefix('a-key-of-the-operator')).toBe('a-ke');
});
