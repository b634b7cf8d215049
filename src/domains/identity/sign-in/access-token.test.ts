import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hostileTokens } from '../../../../test/support/hostile-tokens.ts';
import { signAccessToken, verifyAccessToken } from './access-token.ts';

const NOW_MS = Date.UTC(2026, 10, 25);
const PARTIES = { issuer: 'llamp:inst_1', audience: 'llamp' };
const ours = generateKeyPairSync('ed25519');
const { good, hostile } = hostileTokens({
  ...ours,
  ...PARTIES,
  keyId: 'key_1',
  userId: 'user_1',
  sessionId: 'sess_1',
  nowSeconds: NOW_MS / 1000,
});

const findKey = (id: string): KeyObject | undefined =>
  id === 'key_1' ? ours.publicKey : undefined;
const verified = (token: string, nowMs = NOW_MS) =>
  verifyAccessToken(token, PARTIES, { nowMs, findKey });

describe('access tokens', () => {
  test('a token says whose it is until its life and the skew are over', () => {
    const claims = { userId: 'user_1', sessionId: 'sess_1', tokenId: 'tok_1', nowMs: NOW_MS };
    const signer = { keyId: 'key_1', privateKey: ours.privateKey };
    const token = signAccessToken(claims, PARTIES, signer);
    const whose = { userId: 'user_1', sessionId: 'sess_1' };
    expect(token).toBe(good);
    expect(verified(token)).toEqual(whose);
    expect(verified(token, NOW_MS - 60_000)).toEqual(whose);
    expect(verified(token, NOW_MS - 60_001)).toBeNull();
    expect(verified(token, NOW_MS + 659_999)).toEqual(whose);
    expect(verified(token, NOW_MS + 660_000)).toBeNull();
  });

  test.each(hostile)('is refused: %s', (_name, token) => {
    expect(verified(token)).toBeNull();
  });
});
