import { RE2JS } from 're2js';
import type { Detector, Match } from './detector.ts';

// What a pattern may match in one piece of a stream; the whole text is looked at everywhere else.
const REACH = 256;

/**
 * Finds what regular expressions match, in RE2's syntax: no look-around and no back-references, and therefore in time
 * linear to the text for every pattern. Throws for a pattern that is none.
 */
export function patternDetector(patterns: readonly string[]): Detector {
  const compiled = patterns.map((pattern) => RE2JS.compile(pattern));
  return {
    find: (text) => withoutOverlaps(compiled.flatMap((pattern) => matchesOf(pattern, text))),
    reach: REACH,
  };
}

function matchesOf(pattern: RE2JS, text: string): Match[] {
  const matcher = pattern.matcher(text);
  const matches: Match[] = [];
  while (matcher.find()) {
    const place = { start: matcher.start(), end: matcher.end(), label: 'PATTERN' };
    // A pattern that matches nothing at all marks nothing.
    if (place.end > place.start) matches.push(place);
  }
  return matches;
}

function withoutOverlaps(matches: readonly Match[]): Match[] {
  const kept: Match[] = [];
  for (const match of [...matches].sort((one, other) => one.start - other.start)) {
    const last = kept.at(-1);
    if (last === undefined || match.start >= last.end) kept.push(match);
  }
  return kept;
}
