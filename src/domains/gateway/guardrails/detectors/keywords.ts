import { type Detector, findShapes } from './detector.ts';

/** Finds words, whatever their case. Words of letters and digits are found as whole words, Chinese ones anywhere. */
export function keywordDetector(words: readonly string[]): Detector {
  // The longest first: of two words that begin alike the whole one is meant.
  const ordered = [...words].sort((one, other) => other.length - one.length);
  const pattern = new RegExp(ordered.map(wordPattern).join('|'), 'giu');
  return {
    find: (text) => findShapes([{ label: 'KEYWORD', pattern }], text),
    // The character behind a word says whether it was a whole one.
    reach: (ordered[0]?.length ?? 0) + 1,
  };
}

function wordPattern(word: string): string {
  const before = /^[A-Za-z0-9_]/.test(word) ? '(?<![A-Za-z0-9_])' : '';
  const after = /[A-Za-z0-9_]$/.test(word) ? '(?![A-Za-z0-9_])' : '';
  return before + word.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`) + after;
}
