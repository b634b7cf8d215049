import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A key of the form that LLAMP_BOOTSTRAP_API_KEY takes; written from its description, so nothing of `src` is used. */
export function newFirstApiKey(): string {
  const random = Array.from({ length: 32 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  const body = `sk-llamp-${random}`;
  return body + base62(crc32(body), 6);
}

function base62(value: number, length: number): string {
  if (length === 0) return '';
  const { length: base } = ALPHABET;
  return base62(Math.floor(value / base), length - 1) + ALPHABET.charAt(value % base);
}
