const PARTS = 120;

/** A window as whole parts; an amount counts until its part has left the window completely. */
export interface RateWindow {
  readonly partMs: number;
  readonly parts: number;
}

/** Parts of a window: enough of them that an amount counts at most 1 % longer than the window. */
export function rateWindow(windowMs: number): RateWindow {
  const partMs = Math.max(1, Math.floor(windowMs / PARTS));
  return { partMs, parts: Math.ceil(windowMs / partMs) };
}
