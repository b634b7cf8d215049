import type { PageOf } from './service.ts';

/** A page as OpenAI's lists have it. */
export function listObject<Row extends { id: string }, T>(
  page: PageOf<Row>,
  objectOf: (row: Row) => T,
) {
  return {
    object: 'list',
    data: page.rows.map(objectOf),
    first_id: page.rows[0]?.id ?? null,
    last_id: page.rows.at(-1)?.id ?? null,
    has_more: page.hasMore,
  };
}
