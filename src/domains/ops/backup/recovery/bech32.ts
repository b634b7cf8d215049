const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_LENGTH = 6;

/** Bytes as Bech32 text (BIP 173) without its limit of 90 characters, in lower case. */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const words = regroup([...bytes], 8, 5, true);
  const checksum = checksumOf(prefix, words);
  return `${prefix}1${[...words, ...checksum].map((word) => ALPHABET[word]).join('')}`;
}

/** The bytes of a text with this prefix, in either case; undefined when it is anything else. */
export function decodeBech32(prefix: string, text: string): Uint8Array | undefined {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return undefined;
  if (!lower.startsWith(`${prefix}1`)) return undefined;
  const words = [...lower.slice(prefix.length + 1)].map((letter) => ALPHABET.indexOf(letter));
  if (words.includes(-1) || words.length < CHECKSUM_LENGTH) return undefined;
  const content = words.slice(0, -CHECKSUM_LENGTH);
  const isIntact = checksumOf(prefix, content).join() === words.slice(-CHECKSUM_LENGTH).join();
  return isIntact ? Uint8Array.from(regroup(content, 5, 8, false)) : undefined;
}

function checksumOf(prefix: string, words: readonly number[]): number[] {
  const codes = [...prefix].map((letter) => letter.charCodeAt(0));
  const expanded = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
  const sum = polymod([...expanded, ...words, ...Array<number>(CHECKSUM_LENGTH).fill(0)]) ^ 1;
  return Array.from({ length: CHECKSUM_LENGTH }, (_, index) => (sum >> (5 * (5 - index))) & 31);
}

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    GENERATOR.forEach((term, bit) => {
      if ((top >> bit) & 1) sum ^= term;
    });
  }
  return sum;
}

function regroup(values: readonly number[], from: number, to: number, pad: boolean): number[] {
  const result: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = (held << from) | value;
    bits += from;
    while (bits >= to) {
      bits -= to;
      result.push((held >> bits) & ((1 << to) - 1));
      held &= (1 << bits) - 1;
    }
  }
  if (pad && bits > 0) result.push((held << (to - bits)) & ((1 << to) - 1));
  return result;
}
