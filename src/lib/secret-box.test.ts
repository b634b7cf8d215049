import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSecretBox, masterKeyFrom, SecretBoxError } from './secret-box.ts';

const masterKey = randomBytes(32);
const box = createSecretBox(masterKey);
const PLACE = 'providers:prov_1:credential';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof SecretBoxError ? error.code : String(error);
  }
  return 'opened';
};

describe('a secret box', () => {
  it.each(['', 'sk-123', '密钥 🔑', 'x'.repeat(100_000)])('GW-11 opens what it sealed', (text) => {
    const envelope = box.seal(text, PLACE);
    expect(envelope).toMatch(/^v1\.[\w-]{11}\.[\w-]{80}\.[\w-]{16}\.[\w-]+$/);
    expect(createSecretBox(masterKey).open(envelope, PLACE)).toBe(text);
    if (text !== '') expect(envelope).not.toContain(text);
  });

  it('seals the same text differently each time', () => {
    const parts = Array.from({ length: 100 }, () => box.seal('same', PLACE).split('.'));
    for (const index of [2, 3, 4]) expect(new Set(parts.map((one) => one[index])).size).toBe(100);
  });

  it('says that another key is another key, and never gives garbage', () => {
    const other = createSecretBox(randomBytes(32));
    expect(other.keyId).not.toBe(box.keyId);
    expect(codeOf(() => other.open(box.seal('secret', PLACE), PLACE))).toBe('wrong_key');
    // Even when somebody writes the right key id over it.
    const forged = box.seal('secret', PLACE).replace(box.keyId, other.keyId);
    expect(codeOf(() => other.open(forged, PLACE))).toBe('altered');
  });

  it('opens in its own place only', () => {
    const envelope = box.seal('secret', PLACE);
    expect(codeOf(() => box.open(envelope, 'providers:prov_2:credential'))).toBe('altered');
  });

  it('notices every altered byte', () => {
    const [version = '', keyId = '', ...parts] = box.seal('secret', PLACE).split('.');
    for (const [index, part] of parts.entries()) {
      const bytes = Buffer.from(part, 'base64url');
      for (let at = 0; at < bytes.length; at++) {
        const altered = Buffer.from(bytes);
        altered[at] = (altered[at] ?? 0) ^ 1;
        const changed = parts.with(index, altered.toString('base64url'));
        const envelope = [version, keyId, ...changed].join('.');
        expect(codeOf(() => box.open(envelope, PLACE))).toBe('altered');
      }
    }
  });

  it.each(['', 'v1', 'v2.a.b.c.d', 'v1.a.b.c', 'sk-plain', 'v1.a.b.c.d.e'])(
    'refuses %j, which is no envelope',
    (text) => expect(codeOf(() => box.open(text, PLACE))).toBe('malformed'),
  );
});

describe('a master key', () => {
  it('is read from base64 and from hexadecimal digits', () => {
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      const bytes = masterKeyFrom(` ${masterKey.toString(encoding)}\n`);
      expect(bytes && Buffer.from(bytes).equals(masterKey)).toBe(true);
    }
  });

  it.each(['', 'short', 'z'.repeat(64), 'a'.repeat(63), '!'.repeat(43)])(
    'is nothing else: %j',
    (text) => expect(masterKeyFrom(text)).toBeUndefined(),
  );

  it('has 32 bytes', () => {
    expect(() => createSecretBox(randomBytes(16))).toThrow('32 bytes');
  });
});
