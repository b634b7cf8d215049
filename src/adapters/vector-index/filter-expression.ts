import type { IndexFilter } from '../../ports/vector-index.ts';

/** How a filter language writes what we need of it. */
export interface FilterDialect {
  readonly equals: string;
  readonly and: string;
  readonly list: (values: readonly string[]) => string;
}

export const ZVEC_FILTERS: FilterDialect = {
  equals: '=',
  and: 'AND',
  list: (values) => `IN (${values.map(quoted).join(', ')})`,
};

export const MILVUS_FILTERS: FilterDialect = {
  equals: '==',
  and: '&&',
  list: (values) => `in [${values.map(quoted).join(', ')}]`,
};

/** The only place where a search expression is made: it always binds the project and the stores. */
export function filterExpression(filter: IndexFilter, dialect: FilterDialect): string {
  const conditions = [
    `project_id ${dialect.equals} ${quoted(filter.projectId)}`,
    `vector_store_id ${dialect.list(filter.vectorStoreIds)}`,
  ];
  if (filter.generationIds !== undefined)
    conditions.push(`generation_id ${dialect.list(filter.generationIds)}`);
  return conditions.join(` ${dialect.and} `);
}

export function generationExpression(ids: readonly string[], dialect: FilterDialect): string {
  return `generation_id ${dialect.list(ids)}`;
}

/** Rows by their ids, for Milvus. */
export function idExpression(ids: readonly string[]): string {
  return `id ${MILVUS_FILTERS.list(ids)}`;
}

// Values are visible ASCII without backslash (row-rules.ts).
function quoted(value: string): string {
  return `"${value.replaceAll('"', '\\"')}"`;
}
