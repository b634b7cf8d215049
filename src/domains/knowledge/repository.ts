import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { statementBuilder } from '../../lib/statement-builder.ts';
import type { Statement } from '../../ports/database.ts';
import type { Position } from './page.ts';

const compiler = statementBuilder<unknown>();

/** A typed statement from a template; what stands in `${}` becomes a bound parameter. */
export function statement<Row = unknown>(fragment: RawBuilder<unknown>): Statement<Row> {
  const { sql: text, parameters } = fragment.compile(compiler);
  return { sql: text, parameters };
}

/** A `jsonb` value of any kind, arrays and strings too, which as plain parameters would mean something else. */
export function jsonValue(value: unknown): RawBuilder<unknown> {
  return sql`${JSON.stringify(value)}::text::jsonb`;
}

export interface KeysetPage {
  readonly order: 'asc' | 'desc';
  /** One more row than this is read, which tells whether another page follows. */
  readonly limit: number;
  readonly after?: Position;
  readonly before?: Position;
}

/**
 * Rows beyond the cursors. The position of a cursor is compared, not its row, so rows that come or go between two
 * pages neither repeat nor hide others.
 */
export function withinPage(
  page: KeysetPage,
  columns: { createdAt: RawBuilder<unknown>; id: RawBuilder<unknown> },
): RawBuilder<SqlBool> {
  const position = sql`(${columns.createdAt}, ${columns.id})`;
  const bound = (cursor: Position | undefined, isAfter: boolean) => {
    if (cursor === undefined) return sql`true`;
    const value = sql`(${cursor.createdAt}::timestamptz, ${cursor.id}::text)`;
    return isAfter === (page.order === 'asc')
      ? sql`${position} > ${value}`
      : sql`${position} < ${value}`;
  };
  return sql<SqlBool>`${bound(page.after, true)} and ${bound(page.before, false)}`;
}

/** Before a `before` cursor the page ends, so its rows are read backwards and turned round by `inOrder`. */
export function pageOrder(
  page: KeysetPage,
  columns: { createdAt: RawBuilder<unknown>; id: RawBuilder<unknown> },
): RawBuilder<unknown> {
  const direction = isBackwards(page) === (page.order === 'asc') ? sql`desc` : sql`asc`;
  return sql`${columns.createdAt} ${direction}, ${columns.id} ${direction} limit ${page.limit + 1}::int`;
}

/** The rows of a page in the order that was asked for, and whether more follow. */
export function inOrder<Row>(page: KeysetPage, rows: Row[]): { rows: Row[]; hasMore: boolean } {
  const shown = rows.slice(0, page.limit);
  return { rows: isBackwards(page) ? shown.reverse() : shown, hasMore: rows.length > page.limit };
}

function isBackwards(page: KeysetPage): boolean {
  return page.before !== undefined && page.after === undefined;
}
