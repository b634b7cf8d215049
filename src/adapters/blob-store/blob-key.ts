const KEY_LENGTH_MAX = 512;
// File systems allow 255 bytes a name; the file system store adds to it. Every adapter holds the same limit.
const SEGMENT_LENGTH_MAX = 200;
const SEGMENT = /^[a-z0-9_.-]+$/;

/** Throws a `RangeError` unless `key` is a key as the port describes it. */
export function assertBlobKey(key: string): void {
  const valid = key.length > 0 && key.length <= KEY_LENGTH_MAX && key.split('/').every(isSegment);
  if (!valid) throw new RangeError(`not a blob key: ${JSON.stringify(key.slice(0, 100))}`);
}

/** Throws unless `prefix` can start a key: empty, or a key whose last segment may be unfinished. */
export function assertBlobPrefix(prefix: string): void {
  // A letter completes the last segment, so that `a/` and `a/.` pass and `../` does not.
  assertBlobKey(`${prefix.slice(0, KEY_LENGTH_MAX - 1)}x`);
}

/** Throws unless `limit` is one that `list` accepts. */
export function assertListLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new RangeError(`a list limit is a whole number from 1 to 1000, not ${limit}`);
  }
}

/** Throws unless the inclusive range can exist in some blob. */
export function assertByteRange(range: { start: number; end?: number } | undefined): void {
  if (range === undefined) return;
  const end = range.end ?? range.start;
  const valid = Number.isSafeInteger(range.start) && Number.isSafeInteger(end) && range.start >= 0;
  if (!valid || end < range.start) {
    throw new RangeError(`not a byte range: ${range.start}-${range.end ?? ''}`);
  }
}

function isSegment(segment: string): boolean {
  return (
    SEGMENT.test(segment) &&
    segment !== '.' &&
    segment !== '..' &&
    segment.length <= SEGMENT_LENGTH_MAX
  );
}
