import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { AttributeValue } from '../attributes.ts';
import { jsonValue } from '../repository.ts';
import type { Comparison, Filter } from './filter.ts';

const ORDER_OPERATORS = { gt: sql`>`, gte: sql`>=`, lt: sql`<`, lte: sql`<=` } as const;

/**
 * The filter as a condition on a `jsonb` column, never null. A missing key fails every comparison but `ne` and `nin`;
 * types are not converted; text is ordered by code point, as in every adapter.
 */
export function filterCondition(
  filter: Filter,
  attributes: RawBuilder<unknown>,
): RawBuilder<SqlBool> {
  if ('filters' in filter) {
    const inner = filter.filters.map((each) => filterCondition(each, attributes));
    const glue = filter.type === 'and' ? sql` and ` : sql` or `;
    return sql<SqlBool>`(${sql.join(inner, glue)})`;
  }
  return comparisonCondition(filter, attributes);
}

function comparisonCondition(
  { type, key, value }: Comparison,
  attributes: RawBuilder<unknown>,
): RawBuilder<SqlBool> {
  const field = sql`(${attributes} -> ${key}::text)`;
  switch (type) {
    case 'eq':
      return sql<SqlBool>`coalesce(${field} = ${jsonValue(value)}, false)`;
    case 'ne':
      return sql<SqlBool>`coalesce(${field} <> ${jsonValue(value)}, true)`;
    case 'in':
      return sql<SqlBool>`coalesce(${isOneOf(field, value)}, false)`;
    case 'nin':
      return sql<SqlBool>`not coalesce(${isOneOf(field, value)}, false)`;
    default:
      return ordered({ attributes, key, value: value as AttributeValue }, ORDER_OPERATORS[type]);
  }
}

function isOneOf(field: RawBuilder<unknown>, values: Comparison['value']): RawBuilder<unknown> {
  return sql`${field} in (select jsonb_array_elements(${jsonValue(values)}))`;
}

// The type is asked inside `case`, which alone keeps PostgreSQL from converting a text into a number first.
function ordered(
  {
    attributes,
    key,
    value,
  }: { attributes: RawBuilder<unknown>; key: string; value: AttributeValue },
  operator: RawBuilder<unknown>,
): RawBuilder<SqlBool> {
  const text = sql`(${attributes} ->> ${key}::text)`;
  const type = sql`jsonb_typeof(${attributes} -> ${key}::text)`;
  if (typeof value === 'number')
    return sql<SqlBool>`case when ${type} = 'number'
      then ${text}::numeric ${operator} ${String(value)}::text::numeric else false end`;
  return sql<SqlBool>`case when ${type} = 'string'
    then ${text} collate "C" ${operator} ${String(value)}::text collate "C" else false end`;
}
