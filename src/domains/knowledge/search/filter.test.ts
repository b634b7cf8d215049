import { describe, expect, it } from 'vitest';
import { AppError } from '../../../lib/app-error.ts';
import { parseFilter } from './filter.ts';

const deep = (levels: number): unknown =>
  levels === 0 ? { type: 'eq', key: 'k', value: 1 } : { type: 'and', filters: [deep(levels - 1)] };
const comparison = (type: string, value: unknown) => ({ type, key: 'k', value });

describe('a filter', () => {
  it.each([
    comparison('eq', 'x'),
    comparison('ne', false),
    comparison('gte', 1.5),
    comparison('lt', 'z'),
    comparison('in', ['a', 1]),
    comparison('nin', []),
    { type: 'or', filters: [comparison('eq', 1), { type: 'and', filters: [comparison('eq', 2)] }] },
    deep(15),
  ])('%j is understood', (filter) => {
    expect(parseFilter(filter)).toEqual(filter);
  });

  it.each([
    [[], 'filters'],
    ['eq', 'filters'],
    [{ type: 'like', key: 'k', value: 'x' }, 'filters.type'],
    [{ type: 'eq', value: 'x' }, 'filters.key'],
    [{ type: 'eq', key: '', value: 'x' }, 'filters.key'],
    [comparison('eq', null), 'filters.value'],
    [comparison('eq', ['a']), 'filters.value'],
    [comparison('gt', true), 'filters.value'],
    [comparison('in', 'a'), 'filters.value'],
    [comparison('in', [null]), 'filters.value'],
    [{ type: 'and', filters: [] }, 'filters.filters'],
    [{ type: 'and' }, 'filters.filters'],
    [{ type: 'or', filters: [comparison('eq', 1), 7] }, 'filters.filters[1]'],
    [{ type: 'or', filters: Array.from({ length: 256 }, () => comparison('eq', 1)) }, 'filters'],
    [deep(16), `filters${'.filters[0]'.repeat(16)}`],
  ])('%j is refused at %s', (filter, param) => {
    const refuse = () => parseFilter(filter);
    expect(refuse).toThrow(AppError);
    expect(refuse).toThrow(expect.objectContaining({ code: 'invalid_filter', status: 400, param }));
  });
});
