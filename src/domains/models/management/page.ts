import type { PageOf } from '../../identity/index.ts';
import type { EntrySource } from '../definitions/entries.ts';
import { invalidListPosition } from '../errors.ts';
import type { ListQuery } from '../schemas.ts';

export interface OwnedId {
  readonly organizationId: string;
  readonly id: string;
}

export interface ListPosition {
  readonly organizationId: string;
  readonly after: { readonly id: string; readonly created_at: Date } | undefined;
  readonly limit: number;
}

/** An entry and where it is kept. */
export type Sourced<T> = T & { readonly source: EntrySource };

export interface ListSources<T> {
  /** Entries of the file, in their order; they come first. */
  readonly file: readonly T[];
  readonly find: (id: string) => Promise<T | undefined>;
  readonly list: (after: T | undefined, limit: number) => Promise<T[]>;
}

/** One page over the entries of the file and the stored ones behind them. */
export async function pageOf<T extends { readonly id: string }>(
  { after, limit }: ListQuery,
  { file, find, list }: ListSources<T>,
): Promise<PageOf<Sourced<T>>> {
  const position = after === undefined ? -1 : file.findIndex(({ id }) => id === after);
  const isStored = after !== undefined && position === -1;
  const cursor = isStored ? await find(after) : undefined;
  if (isStored && cursor === undefined) throw invalidListPosition(after);
  // One more than asked for tells whether there is a next page.
  const wanted = limit + 1;
  const fromFile = isStored ? [] : file.slice(position + 1, position + 1 + wanted);
  const missing = wanted - fromFile.length;
  const stored = missing === 0 ? [] : await list(cursor, missing);
  const rows = [
    ...fromFile.map((entry) => ({ ...entry, source: 'file' as const })),
    ...stored.map((entry) => ({ ...entry, source: 'database' as const })),
  ];
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}
