import type { ParsedText } from './parsed-text.ts';

export interface Heading {
  readonly start: number;
  readonly end: number;
  /** 1 to 6. */
  readonly depth: number;
  readonly title: string;
}

/** Headings of a Markdown text in order; `#` inside a fenced block of code is no heading. */
export function headingsOf(parsed: ParsedText): Heading[] {
  if (!parsed.isMarkdown) return [];
  const headings: Heading[] = [];
  let fence: string | undefined;
  for (const line of parsed.text.matchAll(/[^\n]+/g)) {
    const mark = /^ {0,3}(```|~~~)/.exec(line[0])?.[1];
    if (mark !== undefined) fence = nextFence(fence, mark);
    const found = fence === undefined ? /^ {0,3}(#{1,6})\s+(.*?)[\s#]*$/.exec(line[0]) : null;
    const [, marks, title] = found ?? [];
    if (marks === undefined || title === undefined || title === '') continue;
    const end = line.index + line[0].length;
    headings.push({ start: line.index, end, depth: marks.length, title });
  }
  return headings;
}

function nextFence(open: string | undefined, mark: string): string | undefined {
  if (open === undefined) return mark;
  return open === mark ? undefined : open;
}

/** The headings that `position` stands under, outermost first; one that begins there counts. */
export function headingPathAt(headings: readonly Heading[], position: number): Heading[] {
  const path: Heading[] = [];
  for (const heading of headings) {
    if (heading.start > position) break;
    while ((path.at(-1)?.depth ?? 0) >= heading.depth) path.pop();
    path.push(heading);
  }
  return path;
}

/** 1-based page of a position, or null for a text without pages. */
export function pageAt(pageStarts: readonly number[], position: number): number | null {
  if (pageStarts.length === 0) return null;
  let [low, high] = [0, pageStarts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((pageStarts[middle] ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}
