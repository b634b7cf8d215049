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
  const dateMs = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}

function numeric(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d+(\.\d+)?$/.test(value)) return undefined;
  return Number(value);
}
