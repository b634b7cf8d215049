import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createSecretBox } from '../../../lib/secret-box.ts';
import {
  createSigningKey,
  isRotationDue,
  jwkOf,
  KEY_LIFE_MS,
  PUBLISH_AHEAD_MS,
  publishedKeys,
  signerOf,
} from './signing-keys.ts';

const box = createSecretBox(randomBytes(32));
const START_MS = Date.UTC(2026, 10, 25);
const at = (offsetMs: number) => new Date(START_MS + offsetMs);
const first = createSigningKey({ generation: 1, id: 'k1', now: at(0) }, box);
const second = createSigningKey({ generation: 2, id: 'k2', now: at(KEY_LIFE_MS) }, box);
const both = [second, first];
const ids = (offsetMs: number) => publishedKeys(both, at(offsetMs)).map((key) => key.id);

test('the first key signs at once, the next one after it has been published', () => {
  expect(signerOf([], at(0), box)).toBeUndefined();
  expect(signerOf([first], at(0), box)?.keyId).toBe('k1');
  expect(signerOf(both, at(KEY_LIFE_MS + PUBLISH_AHEAD_MS - 1), box)?.keyId).toBe('k1');
  expect(signerOf(both, at(KEY_LIFE_MS + PUBLISH_AHEAD_MS), box)?.keyId).toBe('k2');
});

test('a replaced key stays published while its tokens may be in force', () => {
  const replacedMs = KEY_LIFE_MS + PUBLISH_AHEAD_MS;
  expect(ids(replacedMs + 719_999)).toEqual(['k2', 'k1']);
  expect(ids(replacedMs + 720_000)).toEqual(['k2']);
});

test('rotation is due without a key and after 90 days', () => {
  expect(isRotationDue([], at(0))).toBe(true);
  expect(isRotationDue([first], at(KEY_LIFE_MS - 1))).toBe(false);
  expect(isRotationDue([first], at(KEY_LIFE_MS))).toBe(true);
  expect(isRotationDue(both, at(KEY_LIFE_MS + 1))).toBe(false);
});

test('what is published and stored shows no private key', () => {
  expect(Object.keys(jwkOf(first))).toEqual(['kty', 'crv', 'use', 'alg', 'kid', 'x']);
  expect(first.sealed_private_key).not.toContain('PRIVATE');
});
