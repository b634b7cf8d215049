import type { ParsedText } from './parsed-text.ts';
import { BOUNDARY, cutPieces, type Piece } from './pieces.ts';
import { type Heading, headingPathAt, headingsOf, pageAt } from './structure.ts';

export interface ChunkSize {
  readonly tokensMax: number;
  readonly overlapTokens: number;
}

export interface Chunk {
  readonly content: string;
  /** `content` is `text.slice(charStart, charEnd)`, in UTF-16 code units. */
  readonly charStart: number;
  readonly charEnd: number;
  readonly page: number | null;
  /** Titles that the chunk stands under, joined by ` > `. */
  readonly headingPath: string | null;
  readonly tokenCount: number;
  /** Titles above the chunk that its own text does not hold: they are indexed with it. */
  readonly context: string;
}

// A chunk that is this full ends before a heading; and a full one is cut at its best boundary beyond the second.
const HEADING_FILL = 0.5;
const LOOK_BACK_FILL = 0.75;

/** Cuts a text into overlapping chunks. Every character that is not white space is in at least one chunk. */
export function chunkText(parsed: ParsedText, size: ChunkSize): Chunk[] {
  const headings = headingsOf(parsed);
  const pieces = structuralPieces(parsed, headings, pieceTokensMax(size));
  return [...windows(pieces, size)].flatMap((window) => {
    const chunk = toChunk(parsed, headings, pieces.slice(window.first, window.last));
    return chunk === undefined ? [] : [chunk];
  });
}

// Overlap is made of whole pieces, so with overlap they must be small.
function pieceTokensMax(size: ChunkSize): number {
  if (size.overlapTokens === 0) return size.tokensMax;
  return Math.min(size.tokensMax, Math.max(64, Math.floor(size.overlapTokens / 4)));
}

function structuralPieces(
  parsed: ParsedText,
  headings: readonly Heading[],
  tokensMax: number,
): Piece[] {
  const starts = new Map<number, number>([[0, BOUNDARY.paragraph]]);
  for (const start of parsed.pageStarts) starts.set(start, BOUNDARY.line);
  for (const heading of headings) starts.set(heading.start, BOUNDARY.heading);
  const ordered = [...starts].sort(([a], [b]) => a - b);
  const pieces: Piece[] = [];
  ordered.forEach(([start, boundary], index) => {
    const end = ordered[index + 1]?.[0] ?? parsed.text.length;
    if (end <= start) return;
    for (const piece of cutPieces(parsed.text, { start, end, boundary }, tokensMax))
      pieces.push(piece);
  });
  return pieces;
}

/** Ranges of pieces, each at most `tokensMax` tokens, each but the first beginning with up to `overlapTokens`. */
function* windows(
  pieces: readonly Piece[],
  size: ChunkSize,
): Generator<{ first: number; last: number }> {
  let first = 0;
  while (first < pieces.length) {
    const last = windowEnd(pieces, first, size.tokensMax);
    yield { first, last };
    if (last >= pieces.length) return;
    first = nextStart(pieces, { first, last }, size);
  }
}

function windowEnd(pieces: readonly Piece[], first: number, tokensMax: number): number {
  let tokens = 0;
  let best = { index: -1, boundary: Number.POSITIVE_INFINITY };
  for (let index = first; index < pieces.length; index += 1) {
    const piece = pieces[index];
    if (piece === undefined) break;
    const isHeading = piece.boundary === BOUNDARY.heading;
    if (isHeading && tokens >= tokensMax * HEADING_FILL) return index;
    if (tokens >= tokensMax * LOOK_BACK_FILL && piece.boundary <= best.boundary)
      best = { index, boundary: piece.boundary };
    if (tokens + piece.tokens > tokensMax && index > first)
      return best.boundary < piece.boundary ? best.index : index;
    tokens += piece.tokens;
  }
  return pieces.length;
}

function nextStart(
  pieces: readonly Piece[],
  window: { first: number; last: number },
  size: ChunkSize,
): number {
  const next = pieces[window.last];
  // What stands under another heading gains nothing from the end of the section before.
  if (next === undefined || next.boundary === BOUNDARY.heading) return window.last;
  const room = Math.min(size.overlapTokens, size.tokensMax - next.tokens);
  let start = window.last;
  let tokens = 0;
  while (start - 1 > window.first) {
    const before = pieces[start - 1];
    if (before === undefined || tokens + before.tokens > room) break;
    tokens += before.tokens;
    start -= 1;
  }
  return start;
}

function toChunk(
  parsed: ParsedText,
  headings: readonly Heading[],
  pieces: readonly Piece[],
): Chunk | undefined {
  const from = pieces[0]?.start ?? 0;
  const raw = parsed.text.slice(from, pieces.at(-1)?.end ?? from);
  const content = raw.trim();
  if (content === '') return undefined;
  const charStart = from + raw.indexOf(content);
  const path = headingPathAt(headings, charStart);
  return {
    content,
    charStart,
    charEnd: charStart + content.length,
    page: pageAt(parsed.pageStarts, charStart),
    headingPath: path.length === 0 ? null : titles(path).join(' > '),
    tokenCount: pieces.reduce((sum, piece) => sum + piece.tokens, 0),
    context: titles(path.filter((heading) => heading.start < charStart)).join(' > '),
  };
}

function titles(path: readonly Heading[]): string[] {
  return path.map((heading) => heading.title);
}
