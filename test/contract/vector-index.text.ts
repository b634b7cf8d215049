import { expect, it } from 'vitest';
import { createTokenizer } from '../../src/domains/knowledge/text/tokenizer.ts';
import type { TokenField } from '../../src/ports/vector-index.ts';
import {
  CALL,
  errorCode,
  makeRow,
  STRONG,
  type SuiteContext,
  unitVector,
} from './vector-index.rows-support.ts';

const FILTER = { projectId: 'proj_a', vectorStoreIds: ['vs_a'] };
const TEXTS = [
  '如何重置密码？请联系管理员重置您的密码。',
  '员工请假需要提前三天申请。',
  'Reset the password in c++ v1.2.3 with foo_bar and ab-12.',
  'The quick brown fox jumps over the lazy dog; foxes are quick.',
  'Release notes v2.0.0: parseHTTPRequest is faster. OR and AND are words.',
];

/** BM25 over the platform's own tokens. */
export function describeText({ index, newCollection }: SuiteContext): void {
  const tokenizer = createTokenizer();
  const fill = async () => {
    const name = await newCollection(4);
    const rows = TEXTS.map((text, ordinal) =>
      makeRow({
        id: `gen_a.${ordinal}`,
        vector: unitVector(4, 0),
        words: tokenizer.words(text),
        characters: tokenizer.characters(text),
      }),
    );
    await index().insert(name, rows, CALL);
    const search = async (field: TokenField, text: string, limit = 10) => {
      const query = { field, tokens: tokenizer[field](text), filter: FILTER, limit };
      return (await index().searchText(name, query, STRONG)).map((hit) => hit.id);
    };
    return { name, search };
  };

  it('finds Chinese by words and by characters', async () => {
    if (!index().capabilities.fullText) return;
    const { search } = await fill();
    expect(await search('words', '重置密码')).toEqual(['gen_a.0']);
    expect(await search('words', '怎么请假')).toEqual(['gen_a.1']);
    expect((await search('characters', '管理员')).at(0)).toBe('gen_a.0');
    expect(await search('characters', '鱼')).toEqual([]);
  });

  it('finds names and versions of code, and ranks the better match first', async () => {
    if (!index().capabilities.fullText) return;
    const { search } = await fill();
    for (const text of ['c++', 'foo_bar', 'ab-12', 'FOO_BAR'])
      expect((await search('words', text)).at(0), text).toBe('gen_a.2');
    expect((await search('words', 'v1.2.3')).at(0)).toBe('gen_a.2');
    expect((await search('words', 'parse http request')).at(0)).toBe('gen_a.4');
    expect((await search('words', 'quick release')).sort()).toEqual(['gen_a.3', 'gen_a.4']);
    expect(await search('words', 'quick release', 1)).toHaveLength(1);
  });

  it('gives no meaning to signs in tokens', async () => {
    if (!index().capabilities.fullText) return;
    const { name } = await fill();
    const tokens = ['AND', '(', '"', '-fox', '*', '!', '^2', 'a:b', '~', '\\', "'", '+'];
    for (const token of tokens) {
      const query = { field: 'words' as const, tokens: [token], filter: FILTER, limit: 10 };
      expect((await index().searchText(name, query, STRONG)).length).toBeLessThanOrEqual(1);
    }
    const empty = { field: 'words' as const, tokens: [], filter: FILTER, limit: 10 };
    expect(await index().searchText(name, empty, STRONG)).toEqual([]);
  });

  it('takes rows with very many tokens, and none', async () => {
    const name = await newCollection(4);
    const many = Array.from({ length: 30_000 }, (_, i) => `词${i}`);
    const rows = [many, []].map((tokens, ordinal) =>
      makeRow({
        id: `gen_a.${ordinal}`,
        vector: unitVector(4, 0),
        words: tokens,
        characters: tokens,
      }),
    );
    await index().insert(name, rows, CALL);
    expect(await index().listIds(name, 'gen_a', CALL)).toHaveLength(2);
    if (!index().capabilities.fullText) return;
    const query = { field: 'words' as const, tokens: ['词7'], filter: FILTER, limit: 5 };
    expect((await index().searchText(name, query, STRONG)).map((hit) => hit.id)).toEqual([
      'gen_a.0',
    ]);
    const long = { ...query, tokens: many };
    expect(await index().searchText(name, long, STRONG)).toHaveLength(1);
  });

  it('says so when it has no full text', async () => {
    if (index().capabilities.fullText) return;
    const name = await newCollection(4);
    const query = { field: 'words' as const, tokens: ['fox'], filter: FILTER, limit: 5 };
    expect(await errorCode(index().searchText(name, query, STRONG))).toBe('invalid_request');
  });
}
