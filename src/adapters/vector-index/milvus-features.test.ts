import { describe, expect, it } from 'vitest';
import { milvusFeatures } from './milvus-features.ts';
import { milvusCollection, milvusIndexes } from './milvus-schema.ts';

const DEFINITION = { name: 'kb_test', dimensions: 4 };

describe('milvusFeatures', () => {
  it.each([
    ['v2.3.5-lite', false],
    ['v2.4.23', false],
    ['v2.5.0', true],
    ['2.6.22', true],
    ['v2.10.1', true],
    ['v3.0.0', true],
    ['milvus_lite-3.2.2', true],
    ['', false],
    ['nightly', false],
  ])('%s', (version, fullText) => {
    expect(milvusFeatures(version).fullText).toBe(fullText);
  });
});

describe('milvusCollection', () => {
  it('has no function and no sparse field for a server that would die of them', () => {
    const { fields, functions } = milvusCollection(DEFINITION, milvusFeatures('v2.3.5-lite'));
    expect(functions).toBeUndefined();
    expect(fields.map((field) => field.name)).toEqual([
      ...['id', 'project_id', 'vector_store_id', 'generation_id', 'embedding'],
    ]);
  });

  it('gives our tokens to BM25 unchanged where the server can', () => {
    const { fields, functions } = milvusCollection(DEFINITION, milvusFeatures('v2.6.3'));
    expect(fields.find((field) => field.name === 'words')).toMatchObject({
      max_length: 65_535,
      enable_analyzer: true,
      analyzer_params: { tokenizer: 'whitespace' },
    });
    expect(functions?.map((each) => [each.input_field_names, each.output_field_names])).toEqual([
      [['words'], ['words_sparse']],
      [['characters'], ['characters_sparse']],
    ]);
  });

  it('is strong by itself and split by project', () => {
    const collection = milvusCollection(DEFINITION, milvusFeatures('v2.6.3'));
    expect(collection.consistency_level).toBe('Strong');
    expect(collection.fields.filter((field) => field.is_partition_key)).toMatchObject([
      { name: 'project_id' },
    ]);
  });
});

describe('milvusIndexes', () => {
  it('asks each server for the names that it knows', () => {
    const scalar = (version: string) =>
      milvusIndexes('kb_test', milvusFeatures(version)).optional.map((index) => index.index_type);
    expect(new Set(scalar('v2.3.5'))).toEqual(new Set(['Trie']));
    expect(new Set(scalar('v2.6.0'))).toEqual(new Set(['INVERTED']));
    const sparse = (version: string) =>
      milvusIndexes('kb_test', milvusFeatures(version)).required[1]?.params;
    expect(sparse('v2.6.0')).toHaveProperty('inverted_index_algo');
    expect(sparse('milvus_lite-3.2.2')).not.toHaveProperty('inverted_index_algo');
    expect(sparse('v2.3.5')).toBeUndefined();
  });
});
