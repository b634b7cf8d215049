import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 24;
// Bytes from here on would favour the first letters of the alphabet.
const UNBIASED_BYTES = 256 - (256 % ALPHABET.length);

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }),
  newId: (prefix) => prefix + randomText(),
};

function randomText(): string {
  let text = '';
  while (text.length < ID_LENGTH) {
    for (const byte of randomBytes(ID_LENGTH)) {
      if (byte < UNBIASED_BYTES && text.length < ID_LENGTH)
        text += ALPHABET[byte % ALPHABET.length];
    }
  }
  return text;
}
