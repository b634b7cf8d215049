import { expect, test } from 'vitest';
import { failure, UpstreamFailure } from './upstream-failure.ts';
import { quotesCredential, withoutCredential } from './without-credential.ts';

const SECRET = 'a-key-that-looks-like-nothing';
const endpoint = { baseUrl: 'http://upstream/v1', apiKey: SECRET };

const refusal = (message: string) =>
  new UpstreamFailure(
    '4xx',
    { code: `code-${SECRET}`, status: 422, message, param: SECRET, type: 'odd', retryable: true },
    { 'x-ratelimit-note': `for ${SECRET}` },
  );

test('ID-8 a failure quotes no credential, in no field', () => {
  const shown = withoutCredential(refusal(`Bearer ${SECRET}, ${SECRET}!`), endpoint);
  expect(shown).toMatchObject({
    outcome: '4xx',
    status: 422,
    message: 'Bearer [credential], [credential]!',
    code: 'code-[credential]',
    param: '[credential]',
    type: 'odd',
    retryable: true,
    headers: { 'x-ratelimit-note': 'for [credential]' },
  });
});

test.each([1, 4, 10, SECRET.length - 1])('ID-8 nor the first %i of its characters', (length) => {
  const { message } = withoutCredential(refusal(`you sent ${SECRET.slice(0, length)}`), endpoint);
  expect(message).toBe(length < 4 ? 'you sent a' : 'you sent [credential]');
});

test('ID-8 credentials of AWS are concealed too, what is no credential stays', () => {
  const aws = { region: 'eu', accessKeyId: 'AKIA1234', secretAccessKey: 'shh-a-secret' };
  const told = failure('5xx', 'upstream_error', { message: 'AKIA1234 shh-a-secret' });
  const shown = withoutCredential(told, { baseUrl: 'x', apiKey: 'short', aws });
  expect(shown.message).toBe('AKIA1234 [credential]');
  const other = new Error(SECRET);
  expect(withoutCredential(other, endpoint)).toBe(other);
  expect(quotesCredential(`x${SECRET}`, endpoint)).toBe(true);
  expect(quotesCredential(SECRET, undefined)).toBe(false);
});
