import { countTokens } from './token-count.ts';

/** How strongly a piece is set off from the one before it: 0 is the strongest. */
export const BOUNDARY = { heading: 0, paragraph: 1, line: 2, sentence: 3, word: 4, character: 5 };

export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly tokens: number;
  readonly boundary: number;
}

// Where a text may be cut, by strength: each match ends a piece.
const SEPARATORS: readonly RegExp[] = [
  /\n[ \t\u3000]*\n\s*/g,
  /\n/g,
  /[。！？；…]+[”’」』）]*|[.!?;]["')\]]*\s+/g,
  /\s+/g,
];

// Counting a run without spaces takes time that grows with its square, so longer ones are cut first. A rare character
// is three tokens or more, and 100 tokens is the smallest chunk.
const UNBROKEN_LENGTH = 32;
// No text has more characters per token, but runs of spaces and rulers.
const COUNTED_LENGTH_PER_TOKEN = 12;

/**
 * Cuts `[start, end)` of the text into pieces of at most `tokensMax` tokens that follow each other without a gap, at
 * the strongest boundaries that are small enough: paragraphs, lines, sentences, words, and characters at last.
 */
export function cutPieces(
  text: string,
  range: { start: number; end: number; boundary: number },
  tokensMax: number,
  level = 0,
): Piece[] {
  const { start, end } = range;
  if (end - start <= tokensMax * COUNTED_LENGTH_PER_TOKEN) {
    const tokens = countTokens(text.slice(start, end));
    if (tokens <= tokensMax) return [{ ...range, tokens }];
  }
  const separator = SEPARATORS[level];
  if (separator === undefined) return cutCharacters(text, range);
  const pieces: Piece[] = [];
  for (const part of partsBetween(text, range, separator, level + BOUNDARY.paragraph)) {
    for (const piece of cutPieces(text, part, tokensMax, level + 1)) pieces.push(piece);
  }
  return pieces;
}

function* partsBetween(
  text: string,
  range: { start: number; end: number; boundary: number },
  separator: RegExp,
  boundary: number,
): Generator<{ start: number; end: number; boundary: number }> {
  let from = range.start;
  const slice = text.slice(range.start, range.end);
  for (const match of slice.matchAll(separator)) {
    const to = range.start + match.index + match[0].length;
    if (to >= range.end) break;
    yield { start: from, end: to, boundary: from === range.start ? range.boundary : boundary };
    from = to;
  }
  yield { start: from, end: range.end, boundary: from === range.start ? range.boundary : boundary };
}

function cutCharacters(
  text: string,
  range: { start: number; end: number; boundary: number },
): Piece[] {
  const pieces: Piece[] = [];
  let from = range.start;
  while (from < range.end) {
    let to = Math.min(from + UNBROKEN_LENGTH, range.end);
    if (to < range.end && splitsPair(text, to)) to -= 1;
    const boundary = from === range.start ? range.boundary : BOUNDARY.character;
    pieces.push({ start: from, end: to, boundary, tokens: countTokens(text.slice(from, to)) });
    from = to;
  }
  return pieces;
}

function splitsPair(text: string, position: number): boolean {
  const unit = text.charCodeAt(position);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
