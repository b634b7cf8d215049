/** A row of `prices`: millionths of the currency for a million tokens; null means as `input` or `output`. */
export interface PriceRow {
  /** A name, or the beginning of names followed by `*`. */
  readonly model: string;
  readonly input_micros: number;
  readonly output_micros: number;
  readonly cached_input_micros: number | null;
  readonly cache_write_micros: number | null;
  readonly reasoning_micros: number | null;
  readonly audio_input_micros: number | null;
  readonly audio_output_micros: number | null;
  /** For each call, whatever its tokens. */
  readonly request_micros: number;
}

/** A row of `price_versions`. */
export interface PriceVersionRow {
  readonly id: string;
  readonly note: string | null;
  readonly created_at: Date;
  readonly activated_at: Date;
}

/** Beyond it the sum of a call could not be computed exactly. */
export const PRICE_MICROS_MAX = 1_000_000_000;

/** The object of the management API. */
export function priceVersionObject(version: PriceVersionRow, isActive: boolean) {
  return {
    object: 'price_version' as const,
    id: version.id,
    note: version.note,
    active: isActive,
    created_at: Math.floor(version.created_at.getTime() / 1000),
    activated_at: Math.floor(version.activated_at.getTime() / 1000),
  };
}
