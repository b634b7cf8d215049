/**
 * What a backup must hold of one domain; each domain declares its own in `backup.ts`. A table that no domain declares
 * fails a test, so that nothing is forgotten when the schema grows.
 */
export interface BackupDeclaration {
  /** In the order in which rows can be put back: what is referenced comes first. */
  readonly kept: readonly KeptTable[];
  /** Tables that are left out, each with its reason. */
  readonly skipped: Readonly<Record<string, string>>;
  /** Columns whose values name blobs. */
  readonly blobs: readonly BlobReference[];
}

export interface KeptTable {
  readonly table: string;
  /**
   * Columns by which the rows are read; by default the primary key. Rows that come later should stand behind those that
   * were there: a second backup then finds the rest unchanged.
   */
  readonly orderBy?: readonly string[];
  /** For a table that is partitioned by month: the column that decides. */
  readonly monthColumn?: string;
}

export interface BlobReference {
  readonly table: string;
  readonly column: string;
  /** The key, when the column holds only a part of it. */
  readonly keyOf?: (value: string) => string;
  /** The rows whose blob must exist; without it no blob of the column has to. Null stands for SQL's null. */
  readonly requiredWhen?: { readonly column: string; readonly is: string | null };
}
