import { describe, expect, test } from 'vitest';
import { base32, matchingStep, totpCode, totpStep, totpUri } from './totp.ts';

const SEED = Buffer.from('12345678901234567890');

describe('ID-1 one-time codes', () => {
  // RFC 6238, appendix B, its last six digits.
  test.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('at %d s the code is %s', (seconds, code) => {
    expect(totpCode(SEED, totpStep(seconds * 1000))).toBe(code);
  });

  test('a code holds one step before and after its own', () => {
    const nowMs = 1_111_111_111_000;
    const step = totpStep(nowMs);
    const found = [-2, -1, 0, 1, 2].map((drift) =>
      matchingStep(SEED, totpCode(SEED, step + drift), nowMs),
    );
    expect(found).toEqual([undefined, step - 1, step, step + 1, undefined]);
  });

  test.each(['', '12345', '1234567', '12345a', '12 456', '٠١٢٣٤٥'])('no code: %j', (code) => {
    expect(matchingStep(SEED, code, 59_000)).toBeUndefined();
  });

  test('a seed as an authenticator takes it', () => {
    expect(base32(SEED)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    expect(base32(Buffer.from('foob'))).toBe('MZXW6YQ');
    expect(totpUri(SEED, 'a b@example.com')).toContain(
      'otpauth://totp/Llamp%3Aa%20b%40example.com?secret=GEZD',
    );
  });
});
