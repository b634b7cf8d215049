import type { AttributeValue } from '../attributes.ts';
import { knowledgeError } from '../errors.ts';

export type ComparisonType = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'in' | 'nin';

export interface Comparison {
  readonly type: ComparisonType;
  readonly key: string;
  readonly value: AttributeValue | readonly AttributeValue[];
}

export interface Compound {
  readonly type: 'and' | 'or';
  readonly filters: readonly Filter[];
}

export type Filter = Comparison | Compound;

const DEPTH_MAX = 16;
const FILTERS_MAX = 256;
const VALUES_MAX = 1000;
const COMPARISONS: readonly string[] = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin'];
const ORDERINGS: readonly string[] = ['gt', 'gte', 'lt', 'lte'];

/** Reads a filter of the OpenAI API; whatever has no clear meaning is refused with the path of the field. */
export function parseFilter(value: unknown, param = 'filters'): Filter {
  const filter = parse(value, { param, depth: 1 });
  if (countFilters(filter) > FILTERS_MAX)
    throw invalid(param, `A filter may hold at most ${FILTERS_MAX} comparisons and compounds.`);
  return filter;
}

function parse(value: unknown, place: { param: string; depth: number }): Filter {
  const { param, depth } = place;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(param, `'${param}' must be an object.`);
  if (depth > DEPTH_MAX) throw invalid(param, `Filters may be nested ${DEPTH_MAX} levels deep.`);
  const type: unknown = 'type' in value ? value.type : undefined;
  if (type === 'and' || type === 'or') {
    const filters: unknown = 'filters' in value ? value.filters : undefined;
    if (!Array.isArray(filters) || filters.length === 0)
      throw invalid(`${param}.filters`, `'${type}' needs at least one filter.`);
    const inner = filters.map((each, index) =>
      parse(each, { param: `${param}.filters[${index}]`, depth: depth + 1 }),
    );
    return { type, filters: inner };
  }
  if (typeof type !== 'string' || !COMPARISONS.includes(type))
    throw invalid(
      `${param}.type`,
      `'${param}.type' must be one of ${COMPARISONS.join(', ')}, and, or.`,
    );
  return parseComparison(type as ComparisonType, value, param);
}

function parseComparison(type: ComparisonType, source: object, param: string): Comparison {
  const key: unknown = 'key' in source ? source.key : undefined;
  if (typeof key !== 'string' || key === '')
    throw invalid(`${param}.key`, `'${param}.key' must be the name of an attribute.`);
  const value: unknown = 'value' in source ? source.value : undefined;
  if (type === 'in' || type === 'nin') {
    const isList =
      Array.isArray(value) && value.length <= VALUES_MAX && value.every(isAttributeValue);
    if (!isList)
      throw invalid(
        `${param}.value`,
        `'${type}' needs an array of at most ${VALUES_MAX} texts, numbers or booleans.`,
      );
    return { type, key, value };
  }
  if (!isAttributeValue(value) || (typeof value === 'boolean' && ORDERINGS.includes(type)))
    throw invalid(
      `${param}.value`,
      `'${type}' needs a text${ORDERINGS.includes(type) ? ' or a number' : ', a number or a boolean'}.`,
    );
  return { type, key, value };
}

function isAttributeValue(value: unknown): value is AttributeValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function countFilters(filter: Filter): number {
  if (!('filters' in filter)) return 1;
  return filter.filters.reduce((sum, inner) => sum + countFilters(inner), 1);
}

function invalid(param: string, message: string) {
  return knowledgeError('invalid_filter', message, { param });
}
