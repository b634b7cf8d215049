import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 24;
const DRAWN_BYTES = 4_096;
// Bytes from here on would favour the first letters of the alphabet.
const UNBIASED_BYTES = 256 - (256 % ALPHABET.length);

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }),
  newId: idSource(),
};

/** Letters are drawn in advance, for many ids at once: asking the kernel for each costs more than making it. */
function idSource(): Clock['newId'] {
  let letters = '';
  let position = 0;
  return (prefix) => {
    if (position + ID_LENGTH > letters.length) {
      letters = randomLetters();
      position = 0;
    }
    const start = position;
    position += ID_LENGTH;
    return prefix + letters.slice(start, position);
  };
}

function randomLetters(): string {
  const letters: string[] = [];
  for (const byte of randomBytes(DRAWN_BYTES)) {
    if (byte < UNBIASED_BYTES) letters.push(ALPHABET.charAt(byte % ALPHABET.length));
  }
  return letters.join('');
}
