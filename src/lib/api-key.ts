import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'sk-llamp-';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const FORM = /^sk-llamp-[0-9A-Za-z]{38}$/;
const CHOSEN_FORM = /^[\x21-\x7e]{16,200}$/;
const CHOSEN_PREFIX_LENGTH = 4;
// Bytes from here on would favour the first letters of the alphabet.
const UNBIASED_BYTES = 256 - (256 % ALPHABET.length);

/**
 * A new key: `sk-llamp-`, 32 random base62 characters (190 bits), then the CRC-32 of all that in 6 base62
 * characters. The checksum lets a mistyped or foreign key be refused without a look-up, and lets scanners
 * recognise a leaked one.
 */
export function generateApiKey(): string {
  const body = PREFIX + randomBase62(SECRET_LENGTH);
  return body + checksum(body);
}

/**
 * Whether a text can be a key at all: one of ours with the right checksum, or one that an operator chose for the first
 * start.
 */
export function isWellFormedApiKey(key: string): boolean {
  if (!key.startsWith(PREFIX)) return CHOSEN_FORM.test(key);
  if (!FORM.test(key)) return false;
  const body = key.slice(0, -CHECKSUM_LENGTH);
  return checksum(body) === key.slice(-CHECKSUM_LENGTH);
}

/** What people see in lists: enough to tell keys apart, too little to use. */
export function apiKeyPrefix(key: string): string {
  return key.slice(0, key.startsWith(PREFIX) ? PREFIX.length + 6 : CHOSEN_PREFIX_LENGTH);
}

/** The only form in which a key is stored. Keys are random, so no salt and no slow hash is needed. */
export function hashApiKey(key: string): Uint8Array {
  return hash('sha256', key, 'buffer');
}

function checksum(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < UNBIASED_BYTES && text.length < length) {
        text += ALPHABET.charAt(byte % ALPHABET.length);
      }
    }
  }
  return text;
}
