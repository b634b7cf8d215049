/** A column that holds envelopes of a `SecretBox`; each domain declares its own. */
export interface SealedColumn {
  readonly table: string;
  /** The primary key, a text. */
  readonly key: string;
  /** Null where nothing is stored. */
  readonly column: string;
  /** The place that the envelope of a row is bound to. */
  readonly boundTo: (key: string) => string;
}
