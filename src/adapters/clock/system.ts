import { randomFillSync } from 'node:crypto';
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

/** Bytes are drawn in advance: asking the kernel for every id costs more than making it. */
function idSource(): Clock['newId'] {
  const bytes = Buffer.alloc(DRAWN_BYTES);
  let position = bytes.length;
  return (prefix) => {
    let id = prefix;
    for (let letters = 0; letters < ID_LENGTH; position += 1) {
      if (position >= bytes.length) {
        randomFillSync(bytes);
        position = 0;
      }
      const byte = bytes[position] ?? UNBIASED_BYTES;
      if (byte >= UNBIASED_BYTES) continue;
      id += ALPHABET[byte % ALPHABET.length];
      letters += 1;
    }
    return id;
  };
}
