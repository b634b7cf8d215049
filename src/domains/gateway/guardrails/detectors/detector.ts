/** A place in a text that a guardrail is about; `start` and `end` count UTF-16 units. */
export interface Match {
  readonly start: number;
  readonly end: number;
  /** What was found, in capitals, as it stands in the text afterwards: `EMAIL`. */
  readonly label: string;
}

/** Finds what a guardrail is about. Works in time linear to the text, whoever wrote the pattern. */
export interface Detector {
  /** Matches in order, none overlapping another. */
  find(text: string): Match[];
  /** How far before the end of an unfinished text a match may have begun that is not complete yet. */
  readonly reach: number;
  /** Where in an unfinished text a match has begun that may be longer than `reach`. */
  openFrom?(text: string): number | undefined;
}

/** A kind of match as a regular expression with the flag `g`, and a check of what it found. */
export interface Shape {
  readonly label: string;
  readonly pattern: RegExp;
  readonly isReal?: (found: string) => boolean;
}

/** Of overlapping matches the shape that stands first wins. */
export function findShapes(shapes: readonly Shape[], text: string): Match[] {
  const found: Match[] = [];
  for (const { label, pattern, isReal } of shapes) {
    for (const match of text.matchAll(pattern)) {
      const [matched] = match;
      const place = { start: match.index, end: match.index + matched.length, label };
      if (isReal?.(matched) !== false && !found.some((other) => overlaps(other, place)))
        found.push(place);
    }
  }
  return found.sort((one, other) => one.start - other.start);
}

const overlaps = (one: Match, other: Match) => one.start < other.end && other.start < one.end;

/** The text with each match replaced by its label. */
export function masked(text: string, matches: readonly Match[]): string {
  let result = '';
  let from = 0;
  for (const { start, end, label } of matches) {
    result += `${text.slice(from, start)}[${label}]`;
    from = end;
  }
  return result + text.slice(from);
}
