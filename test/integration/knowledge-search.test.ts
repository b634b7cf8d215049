import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toFile } from 'openai';
import type { AttributeValue, Attributes } from '../../src/domains/knowledge/attributes.ts';
import type { Filter } from '../../src/domains/knowledge/index.ts';
import { searchTextInSql } from '../../src/domains/knowledge/search/lexical-search.ts';
import { listMatchingGenerations } from '../../src/domains/knowledge/search/repository.ts';
import { createTokenizer } from '../../src/domains/knowledge/text/tokenizer.ts';
import type { Database } from '../../src/ports/database.ts';
import { freshPglite } from '../support/fresh-databases.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { silentLog } from '../../src/lib/log.ts';
import { type KnowledgePlatform, openKnowledgePlatform } from '../support/knowledge-platform.ts';

/** What a filter means, written a second time. */
function passes(filter: Filter, attributes: Attributes): boolean {
  if ('filters' in filter) {
    return filter.type === 'and'
      ? filter.filters.every((each) => passes(each, attributes))
      : filter.filters.some((each) => passes(each, attributes));
  }
  const value = Object.hasOwn(attributes, filter.key) ? attributes[filter.key] : undefined;
  const wanted = filter.value;
  switch (filter.type) {
    case 'eq':
      return value === wanted;
    case 'ne':
      return value !== wanted;
    case 'in':
      return value !== undefined && (wanted as AttributeValue[]).includes(value);
    case 'nin':
      return value === undefined || !(wanted as AttributeValue[]).includes(value);
    default: {
      if (value === undefined || typeof value !== typeof wanted) return false;
      const order = compare(value, wanted as AttributeValue);
      return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[filter.type];
    }
  }
}

function compare(one: AttributeValue, two: AttributeValue): number {
  if (typeof one === 'number' && typeof two === 'number') return one - two;
  return Buffer.compare(Buffer.from(String(one)), Buffer.from(String(two)));
}

const VALUES: readonly AttributeValue[] = [
  ...['', 'a', 'A', 'ab', 'é', 'z', '1', 'true', '知识', '𠮷', '\uffee', "quote's", '%_\\', 'null'],
  ...[0, -0, 1, -1, 1.5, 1e21, 1e-7, 0.1 + 0.2, 9_007_199_254_740_991],
  ...[true, false],
];
const KEYS = ['k', 'a b', "it's", '知', '$.x', '-> k', 'k"'];

/** The same numbers in every run. */
function generator(seed: number): <Item>(items: readonly Item[]) => Item {
  let state = seed;
  return (items) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return items[Math.floor((state / 2_147_483_648) * items.length)] as (typeof items)[number];
  };
}

function randomFilter(pick: ReturnType<typeof generator>, depth: number): Filter {
  if (depth > 0 && pick([true, false])) {
    const filters = pick([[1], [1, 2], [1, 2, 3]]).map(() => randomFilter(pick, depth - 1));
    return { type: pick(['and', 'or'] as const), filters };
  }
  const type = pick(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin'] as const);
  const key = pick(KEYS);
  if (type === 'in' || type === 'nin')
    return { type, key, value: pick([[], [1], [1, 2, 3]]).map(() => pick(VALUES)) };
  const value = pick(VALUES);
  const isOrdering = type !== 'eq' && type !== 'ne';
  return isOrdering && typeof value === 'boolean' ? { type, key, value: 1 } : { type, key, value };
}

describe('KB-5 filters in SQL', () => {
  const OBJECTS = 120;
  let databases: Awaited<ReturnType<typeof freshPglite>>;
  let database: Database;
  let attributes: Attributes[];

  beforeAll(async () => {
    databases = await freshPglite();
    database = await databases.open();
    await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
    const pick = generator(7);
    attributes = Array.from({ length: OBJECTS }, () =>
      Object.fromEntries(pick([[], [1], [1, 2, 3]]).map(() => [pick(KEYS), pick(VALUES)])),
    );
    await database.executeScript(`
      insert into organizations values ('o', 'o', now());
      insert into projects values ('p', 'o', 'p', now());
      insert into vector_stores (id, project_id, organization_id, metadata, embedding_model, embedding_dimensions,
        collection, created_at, last_active_at, changed_at)
        values ('s', 'p', 'o', '{}', 'm', 2, 'c', now(), now(), now());
      insert into files (id, project_id, filename, purpose, size_bytes, sha256, blob_key, created_at)
        select 'f' || i, 'p', 'x', 'assistants', 1, '', 'b', now() from generate_series(0, ${OBJECTS - 1}) i;
      insert into vector_store_files (vector_store_id, file_id, project_id, status, attributes, chunking_strategy,
        current_generation_id, progressed_at, created_at)
        select 's', 'f' || i, 'p', 'completed', '{}', '{}', i::text, now(), now()
        from generate_series(0, ${OBJECTS - 1}) i`);
    for (const [index, each] of attributes.entries())
      await database.execute({
        sql: 'update vector_store_files set attributes = $1 where file_id = $2',
        parameters: [each, `f${index}`],
      });
  });

  afterAll(async () => {
    await database?.close();
    await databases?.dispose();
  });

  test('mean the same as in JavaScript, for 400 of them over 120 objects', async () => {
    const pick = generator(11);
    const scope = { projectId: 'p', storeId: 's', now: new Date() };
    for (let round = 0; round < 400; round += 1) {
      const filter = randomFilter(pick, 3);
      const found = await listMatchingGenerations(database, { ...scope, filter }, OBJECTS);
      const expected = attributes.flatMap((each, index) =>
        passes(filter, each) ? [String(index)] : [],
      );
      expect(found.sort(), JSON.stringify(filter)).toEqual(expected.sort());
    }
  });
});

describe('KB-5 hybrid search', () => {
  let platform: KnowledgePlatform;
  let storeId: string;
  const DOCUMENTS = 60;

  beforeAll(async () => {
    platform = await openKnowledgePlatform({ parserThreads: 1 });
    const client = platform.client();
    storeId = (await client.vectorStores.create({ name: 'search' })).id;
    const files = await Promise.all(
      Array.from({ length: DOCUMENTS }, async (_, i) => {
        const birds = i % 7 === 0 ? '候鸟 迁徙 albatross' : '苹果 园艺 gardening';
        const text = `文档 ${i}。${birds} number ${i} ${'common words '.repeat(i % 5)}`;
        const file = await toFile(Buffer.from(text), `d${i}.txt`);
        return await client.files.create({ file, purpose: 'assistants' });
      }),
    );
    await client.vectorStores.fileBatches.createAndPoll(storeId, {
      files: files.map((file, i) => ({ file_id: file.id, attributes: { i } })),
    });
  });

  afterAll(async () => {
    await platform?.close();
  });

  const search = async (query: string | string[], rest = {}) =>
    (await platform.client().vectorStores.search(storeId, { query, ...rest })).data;

  test('orders by score from 0 to 1, the same every time, in both languages', async () => {
    for (const query of ['候鸟迁徙', 'albatross', '候鸟 albatross']) {
      const found = await search(query, { max_num_results: 9 });
      const scores = found.map((hit) => hit.score);
      expect([...scores].sort((a, b) => b - a)).toEqual(scores);
      expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true);
      expect(found.every((hit) => hit.content[0]?.text.includes('albatross'))).toBe(true);
      expect(await search(query, { max_num_results: 9 })).toEqual(found);
    }
  });

  test('takes several queries, thresholds and weights', async () => {
    const both = await search(['albatross', 'gardening'], { max_num_results: 50 });
    expect(both).toHaveLength(50);
    const high = await search('albatross', {
      max_num_results: 50,
      ranking_options: { score_threshold: 0.5 },
    });
    expect(high.length).toBeGreaterThan(0);
    expect(high.every((hit) => hit.score >= 0.5)).toBe(true);
    const weighted = await search('albatross', {
      ranking_options: { ranker: 'auto', hybrid_search: { embedding_weight: 0, text_weight: 1 } },
    });
    expect(weighted[0]?.score).toBe(1);
    expect(weighted[0]?.content[0]?.text).toContain('albatross');
  });

  test('BM25 from SQL finds what the index finds, in its order', async () => {
    const tokenizer = createTokenizer();
    const { rows } = await platform.database.execute<{ collection: string }>({
      sql: 'select collection from vector_stores where id = $1',
      parameters: [storeId],
    });
    const collection = rows[0]?.collection ?? '';
    const filter = { projectId: 'proj_a', vectorStoreIds: [storeId] };
    for (const query of ['候鸟迁徙 number 14', 'albatross common words', '园艺']) {
      for (const field of ['words', 'characters'] as const) {
        const asked = { field, tokens: tokenizer[field](query), limit: DOCUMENTS };
        const scope = { projectId: 'proj_a', storeId };
        const fromSql = await searchTextInSql(platform.database, scope, asked);
        const fromIndex = await platform.index.searchText(
          collection,
          { ...asked, filter },
          { timeoutMs: 5_000, consistency: 'strong' },
        );
        expect(fromSql.map((hit) => hit.id).sort()).toEqual(fromIndex.map((hit) => hit.id).sort());
        expect(fromSql[0]?.score).toBeCloseTo(
          fromSql.find((hit) => hit.id === fromIndex[0]?.id)?.score ?? 0,
          3,
        );
      }
    }
  });

  test('looks deeper until enough of what it finds may be seen', async () => {
    // More hits in the index than the first look takes, and nearly all of them superseded.
    const client = platform.client();
    const store = (await client.vectorStores.create({ name: 'stale' })).id;
    const file = await client.files.create({
      file: await toFile(Buffer.from('the one visible pelican'), 'pelican.txt'),
      purpose: 'assistants',
    });
    await client.vectorStores.files.createAndPoll(store, { file_id: file.id });
    const { rows } = await platform.database.execute<{ collection: string }>({
      sql: 'select collection from vector_stores where id = $1',
      parameters: [store],
    });
    const [vector] = await platform.embedding.embed({
      principal: {
        kind: 'service',
        organizationId: 'o',
        projectId: 'p',
        apiKeyId: null,
        scopes: [],
      },
      requestId: 'r',
      model: 'm',
      inputs: ['visible pelican'],
      signal: new AbortController().signal,
    });
    const stale = Array.from({ length: 150 }, (_, i) => ({
      id: `gen_gone.${i}`,
      projectId: 'proj_a',
      vectorStoreId: store,
      generationId: 'gen_gone',
      vector: vector ?? new Float32Array(),
      words: ['visible', 'pelican'],
      characters: ['visible', 'pelican'],
    }));
    await platform.index.insert(rows[0]?.collection ?? '', stale, { timeoutMs: 10_000 });
    const found = (await client.vectorStores.search(store, { query: 'visible pelican' })).data;
    expect(found.map((hit) => hit.file_id)).toEqual([file.id]);
  });
});
