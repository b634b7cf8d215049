import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { damaged } from '../backup-error.ts';

const Name = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Count = Type.Integer({ minimum: 0 });

const TableForm = Type.Object({
  kind: Type.Literal('table'),
  table: Type.String(),
  /** As PostgreSQL writes the type. */
  columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String() })),
  /** First days of the months that rows of a partitioned table fall into. */
  months: Type.Array(Type.String()),
  rows: Count,
  chunks: Type.Array(Name),
});
const BlobForm = Type.Object({
  kind: Type.Literal('blob'),
  key: Type.String(),
  size_bytes: Count,
  sha256: Name,
  chunks: Type.Array(Name),
});
const ConfigurationForm = Type.Object({
  kind: Type.Literal('configuration'),
  chunks: Type.Array(Name),
});
const EntryForm = Type.Union([TableForm, BlobForm, ConfigurationForm]);

export type TableEntry = Static<typeof TableForm>;
export type BlobEntry = Static<typeof BlobForm>;
export type ConfigurationEntry = Static<typeof ConfigurationForm>;
export type ContentsEntry = Static<typeof EntryForm>;
export type TableColumn = TableEntry['columns'][number];

/** What a backup holds and in which chunks; itself a list of lines in chunks. */
export interface Contents {
  readonly tables: readonly TableEntry[];
  readonly blobs: ReadonlyMap<string, BlobEntry>;
  readonly configuration: ConfigurationEntry | undefined;
}

export function contentsOf(lines: Iterable<string>): Contents {
  const tables: TableEntry[] = [];
  const blobs = new Map<string, BlobEntry>();
  let configuration: ConfigurationEntry | undefined;
  for (const line of lines) {
    const entry: unknown = JSON.parse(line);
    if (!Check(EntryForm, entry)) throw damaged('the list of contents has an unknown entry');
    if (entry.kind === 'table') tables.push(entry);
    else if (entry.kind === 'blob') blobs.set(entry.key, entry);
    else configuration = entry;
  }
  return { tables, blobs, configuration };
}
