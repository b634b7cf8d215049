/** Where a row stands in a list. */
export interface Position {
  readonly createdAt: Date;
  readonly id: string;
}

export interface PageRequest {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  readonly after?: string;
  readonly before?: string;
}

export interface ListObject<Item> {
  readonly object: 'list';
  readonly data: Item[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

/** OpenAI's list; all four fields are always there, since clients stop silently without them. */
export function listObject<Item extends { id: string }>(
  data: Item[],
  hasMore: boolean,
): ListObject<Item> {
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

/** Seconds since 1970, as the API writes times. */
export function unixSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
