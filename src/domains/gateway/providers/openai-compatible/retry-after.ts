/** Milliseconds that an upstream asks to wait, from the three spellings in use; undefined when it asks for nothing. */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  nowMs: number,
): number | undefined {
  const exactMs = numeric(headers['retry-after-ms']);
  if (exactMs !== undefined) return exactMs;
  const value = headers['retry-after'];
  const seconds = numeric(value);
  if (seconds !== undefined) return seconds * 1000;
  // `Date.parse` makes a date of nearly everything, even of "-1".
  const isDate = value !== undefined && /^[A-Z][a-z]{2}/.test(value);
  const dateMs = isDate ? Date.parse(value) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}

function numeric(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d+(\.\d+)?$/.test(value)) return undefined;
  return Number(value);
}
