import { describe, expect, it } from 'vitest';
import { filterExpression, MILVUS_FILTERS, ZVEC_FILTERS } from './filter-expression.ts';
import { matchableFilter } from './row-rules.ts';

const FILTER = { projectId: 'proj_a', vectorStoreIds: ['vs_a', 'v"s'], generationIds: ['gen_a'] };

describe('filterExpression', () => {
  it('binds project, stores and generations in both languages', () => {
    expect(filterExpression(FILTER, ZVEC_FILTERS)).toBe(
      String.raw`project_id = "proj_a" AND vector_store_id IN ("vs_a", "v\"s") AND generation_id IN ("gen_a")`,
    );
    expect(filterExpression(FILTER, MILVUS_FILTERS)).toBe(
      String.raw`project_id == "proj_a" && vector_store_id in ["vs_a", "v\"s"] && generation_id in ["gen_a"]`,
    );
  });

  it('leaves generations out when none are asked for', () => {
    const filter = { projectId: 'proj_a', vectorStoreIds: ['vs_a'] };
    expect(filterExpression(filter, ZVEC_FILTERS)).not.toContain('generation_id');
  });
});

describe('matchableFilter', () => {
  it('drops values that no row can have', () => {
    const filter = { ...FILTER, vectorStoreIds: ['vs_a', 'a b', 'a\\', '', '重'] };
    expect(matchableFilter(filter)?.vectorStoreIds).toEqual(['vs_a']);
  });

  it('is undefined when nothing can match', () => {
    expect(matchableFilter({ ...FILTER, projectId: 'a\\' })).toBeUndefined();
    expect(matchableFilter({ ...FILTER, vectorStoreIds: [] })).toBeUndefined();
    expect(matchableFilter({ ...FILTER, generationIds: [] })).toBeUndefined();
    expect(matchableFilter({ ...FILTER, generationIds: ['a b'] })).toBeUndefined();
    const { projectId, vectorStoreIds } = FILTER;
    expect(matchableFilter({ projectId, vectorStoreIds })).toEqual({ projectId, vectorStoreIds });
  });
});
