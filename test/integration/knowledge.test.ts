import { type APIError, toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KnowledgePlatform, openKnowledgePlatform } from '../support/knowledge-platform.ts';

let platform: KnowledgePlatform;

beforeAll(async () => {
  platform = await openKnowledgePlatform({ embedBatchSize: 8, parserThreads: 1 });
});

afterAll(async () => {
  await platform?.close();
});

const client = () => platform.client();
const createStore = async (name: string) => (await client().vectorStores.create({ name })).id;
const uploadFile = async (name: string, content: string | Uint8Array) =>
  await client().files.create({
    file: await toFile(Buffer.from(content as string), name),
    purpose: 'assistants',
  });
const attach = async (storeId: string, name: string, content: string | Uint8Array, rest = {}) => {
  const file = await uploadFile(name, content);
  return await client().vectorStores.files.createAndPoll(storeId, { file_id: file.id, ...rest });
};
const search = async (storeId: string, query: string, rest = {}) =>
  (await client().vectorStores.search(storeId, { query, ...rest })).data;
const failureOf = async (promise: Promise<unknown>): Promise<APIError> =>
  await promise.then(
    () => {
      throw new Error('it was to fail');
    },
    (error: APIError) => error,
  );
const get = (path: string, headers = {}, key = 'key-a') =>
  fetch(`${platform.url}/v1${path}`, { headers: { authorization: `Bearer ${key}`, ...headers } });

test('ID-3 a key makes stores with the embedding models that it may name, and searches all', async () => {
  const limited = platform.client('key-a-only-chat');
  const create = async (model?: string) =>
    await limited.vectorStores.create({ name: 's', ...(model && { embedding_model: model }) });
  const failure = await failureOf(create('another'));
  expect([failure.status, failure.code]).toEqual([404, 'model_not_found']);
  const { id } = await create();
  expect((await limited.vectorStores.search(id, { query: 'anything' })).data).toEqual([]);
});

describe('KB-1 files', () => {
  test('a file goes up and comes back, whole and in ranges, under its own name', async () => {
    const bytes = Buffer.from('量子计算 quantum computing\n'.repeat(2_000));
    const file = await client().files.create({
      file: await toFile(bytes, '报告 1.txt'),
      purpose: 'user_data',
      expires_after: { anchor: 'created_at', seconds: 3_600 },
    });
    expect(file).toMatchObject({ object: 'file', bytes: bytes.length, filename: '报告 1.txt' });
    expect(file.expires_at).toBe(file.created_at + 3_600);
    const whole = await get(`/files/${file.id}/content`);
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    expect(whole.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(whole.headers.get('content-disposition')).toContain("filename*=UTF-8''%E6%8A%A5");
    const part = await get(`/files/${file.id}/content`, { range: 'bytes=-10' });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(
      `bytes ${bytes.length - 10}-${bytes.length - 1}/${bytes.length}`,
    );
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(-10));
    const beyond = await get(`/files/${file.id}/content`, { range: `bytes=${bytes.length}-` });
    expect(beyond.status).toBe(416);
    await beyond.text();
  });

  test('lists page by cursor, and deleting while paging loses none', async () => {
    const made = [];
    for (let index = 0; index < 7; index += 1) {
      const file = await toFile(Buffer.from(`${index}`), `p${index}.txt`);
      made.push((await client().files.create({ file, purpose: 'evals' })).id);
    }
    const seen = [];
    for await (const file of client().files.list({ purpose: 'evals', limit: 3, order: 'asc' })) {
      seen.push(file.id);
      await client().files.delete(file.id);
    }
    expect(seen).toEqual(made);
    expect((await client().files.list({ purpose: 'evals' })).data).toEqual([]);
  });

  test('refuses what it cannot keep, and keeps nothing of it', async () => {
    const blob = (await platform.blobs.list('files/', { limit: 1000, timeoutMs: 5_000 })).blobs;
    const wrong = { file: await toFile(Buffer.from('x'), 'x.txt'), purpose: 'nonsense' as never };
    expect(await failureOf(client().files.create(wrong))).toMatchObject({
      status: 400,
      param: 'purpose',
    });
    const early = {
      file: await toFile(Buffer.from('x'), 'x.txt'),
      purpose: 'assistants' as const,
      expires_after: { anchor: 'created_at' as const, seconds: 5 },
    };
    expect(await failureOf(client().files.create(early))).toMatchObject({
      status: 400,
      param: 'expires_after[seconds]',
    });
    const large = {
      file: await toFile(Buffer.alloc(17 * 1024 * 1024), 'x.txt'),
      purpose: 'assistants' as const,
    };
    expect(await failureOf(client().files.create(large))).toMatchObject({ status: 413 });
    const noForm = await fetch(`${platform.url}/v1/files`, {
      method: 'POST',
      headers: { authorization: 'Bearer key-a', 'content-type': 'application/json' },
      body: '{}',
    });
    expect(noForm.status).toBe(400);
    await noForm.text();
    const after = (await platform.blobs.list('files/', { limit: 1000, timeoutMs: 5_000 })).blobs;
    expect(after).toEqual(blob);
    const { rows } = await platform.database.execute({
      sql: 'select blob_key from pending_blobs',
      parameters: [],
    });
    expect(rows).toEqual([]);
  });
});

describe('ID-7 hostile uploads', () => {
  const post = async (contentType: string, body: string | Buffer) => {
    const answer = await fetch(`${platform.url}/v1/files`, {
      method: 'POST',
      headers: { authorization: 'Bearer key-a', 'content-type': contentType },
      body,
    });
    await answer.text();
    return answer.status;
  };
  const FORM = 'multipart/form-data; boundary=xx';
  const part = (name: string, content: string, file = '') =>
    `--xx\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
  const FILE = '; filename="a.txt"';

  test.each([
    ['no boundary', 'multipart/form-data', 'x'],
    ['no body', FORM, ''],
    ['garbage', FORM, 'garbage'],
    ['only an end', FORM, '--xx--\r\n'],
    ['no file', FORM, `${part('purpose', 'assistants')}--xx--\r\n`],
    ['no purpose', FORM, `${part('file', 'x', FILE)}--xx--\r\n`],
    ['the file as a field', FORM, `${part('file', 'x')}${part('purpose', 'assistants')}--xx--`],
    [
      'a form that breaks off',
      FORM,
      `${part('purpose', 'assistants')}--xx\r\ncontent-disposition: form-data; name="file"${FILE}\r\n\r\nhalf`,
    ],
    [
      'a part without a name',
      FORM,
      '--xx\r\ncontent-disposition: form-data\r\n\r\nx\r\n--xx--\r\n',
    ],
    ['a forbidden field', FORM, `${part('__proto__', 'x')}--xx--\r\n`],
  ])('%s is the mistake of the client', async (_, contentType, body) => {
    expect(await post(contentType, body)).toBe(400);
  });

  test('a client that goes away in the middle leaves nothing behind', async () => {
    const gone = new AbortController();
    const head = `${part('purpose', 'assistants')}--xx\r\ncontent-disposition: form-data; name="file"${FILE}\r\n\r\n`;
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(Buffer.from(head + 'x'.repeat(100_000)));
      },
    });
    const call = fetch(`${platform.url}/v1/files`, {
      method: 'POST',
      headers: { authorization: 'Bearer key-a', 'content-type': FORM },
      body,
      signal: gone.signal,
      duplex: 'half',
    } as RequestInit);
    const pending = async () =>
      (
        await platform.database.execute({
          sql: 'select blob_key from pending_blobs',
          parameters: [],
        })
      ).rows.length;
    await expect.poll(pending, { timeout: 10_000, interval: 20 }).toBe(1);
    gone.abort();
    await expect(call).rejects.toThrow();
    await expect.poll(pending, { timeout: 10_000, interval: 20 }).toBe(0);
  });
});

describe('KB-1 vector stores', () => {
  test('are made, changed, listed and deleted as in the API', async () => {
    const store = await client().vectorStores.create({
      name: 'handbook',
      metadata: { team: 'a' },
      expires_after: { anchor: 'last_active_at', days: 2 },
    });
    expect(store).toMatchObject({
      object: 'vector_store',
      status: 'completed',
      usage_bytes: 0,
      file_counts: { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 },
      expires_at: (store.last_active_at ?? 0) + 2 * 86_400,
    });
    const changed = await client().vectorStores.update(store.id, {
      name: 'renamed',
      expires_after: null,
      metadata: null,
    });
    expect(changed).toMatchObject({ name: 'renamed', expires_after: null, metadata: {} });
    const others = [await createStore('one'), await createStore('two')];
    const page = await client().vectorStores.list({ limit: 2 });
    expect(page.data.map((each) => each.id)).toEqual([others[1], others[0]]);
    const next = await page.getNextPage();
    expect(next.data[0]?.id).toBe(store.id);
    const before = await client().vectorStores.list({ before: store.id, limit: 1 });
    expect(before.data.map((each) => each.id)).toEqual([others[0]]);
    expect(await client().vectorStores.delete(store.id)).toEqual({
      id: store.id,
      object: 'vector_store.deleted',
      deleted: true,
    });
    expect(await failureOf(client().vectorStores.retrieve(store.id))).toMatchObject({
      status: 404,
    });
  });

  test('refuse wrong input with the path of the field', async () => {
    const storeId = await createStore('strict');
    const file = await uploadFile('a.txt', 'text');
    const files = client().vectorStores.files;
    const cases: [() => Promise<unknown>, string][] = [
      [() => client().vectorStores.create({ name: 7 as never }), 'name'],
      [() => client().vectorStores.create({ name: 'a\0b' }), 'name'],
      [() => client().vectorStores.create({ metadata: { k: 'x'.repeat(513) } }), 'metadata.k'],
      [() => client().vectorStores.create({ file_ids: ['file-none'] }), 'file_ids[0]'],
      [() => client().vectorStores.list({ after: 'vs_none' }), 'after'],
      [() => client().vectorStores.list({ limit: 101 }), 'limit'],
      [() => files.create(storeId, { file_id: 'file-none' }), 'file_id'],
      [
        () =>
          files.create(storeId, {
            file_id: file.id,
            chunking_strategy: {
              type: 'static',
              static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 150 },
            },
          }),
        'chunking_strategy.static.chunk_overlap_tokens',
      ],
      [() => client().vectorStores.search(storeId, { query: ' ' }), 'query'],
      [
        () => client().vectorStores.search(storeId, { query: 'x', max_num_results: 51 }),
        'max_num_results',
      ],
      [
        () =>
          client().vectorStores.search(storeId, {
            query: 'x',
            filters: { type: 'and', filters: [{ type: 'eq', key: 'k', value: ['a'] }] },
          }),
        'filters.filters[0].value',
      ],
      [() => client().vectorStores.fileBatches.create(storeId, { file_ids: [] }), 'file_ids'],
      [
        () =>
          client().vectorStores.fileBatches.create(storeId, {
            file_ids: [file.id],
            files: [{ file_id: file.id }],
          }),
        'files',
      ],
    ];
    for (const [call, param] of cases) {
      const error = await failureOf(call());
      expect([error.status === 404 ? 400 : error.status, error.param]).toEqual([400, param]);
    }
  });

  test('of another project are missing like those that never were', async () => {
    const storeId = await createStore('mine');
    const { id: fileId } = await attach(storeId, 'a.txt', 'mine alone');
    const mineFor = async (path: string, method = 'GET', body?: object) => {
      const answer = await fetch(`${platform.url}/v1${path}`, {
        method,
        headers: { authorization: 'Bearer key-b', 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
      });
      const text = await answer.text();
      return { status: answer.status, text: text.replaceAll(/(vs_|file-)\w+/g, '$1X') };
    };
    const paths = (store: string, file: string): [string, string?, object?][] => [
      [`/files/${file}`],
      [`/files/${file}`, 'DELETE'],
      [`/files/${file}/content`],
      [`/vector_stores/${store}`],
      [`/vector_stores/${store}`, 'POST', { name: 'x' }],
      [`/vector_stores/${store}`, 'DELETE'],
      [`/vector_stores/${store}/search`, 'POST', { query: 'mine' }],
      [`/vector_stores/${store}/files`],
      [`/vector_stores/${store}/files/${file}`],
      [`/vector_stores/${store}/files/${file}`, 'DELETE'],
      [`/vector_stores/${store}/files`, 'POST', { file_id: file }],
    ];
    const foreign = paths(storeId, fileId);
    const missing = paths('vs_none', 'file-none');
    for (const [index, path] of foreign.entries()) {
      const answer = await mineFor(...path);
      expect(answer.status).toBe(404);
      expect(answer).toEqual(await mineFor(...(missing[index] ?? path)));
    }
    expect(await search(storeId, 'mine')).toHaveLength(1);
  });
});

describe('KB-3 ingestion', () => {
  test('uploadAndPoll ends completed; both languages are found with a span', async () => {
    const storeId = await createStore('languages');
    const files = client().vectorStores.files;
    for (const [name, text] of [
      ['zh.txt', '员工请假须在周五之前提交申请。密码重置请联系信息部。'],
      ['en.md', '# Office\n\nThe cafeteria opens at noon. Printers are on the second floor.'],
    ] as const) {
      const done = await files.uploadAndPoll(storeId, await toFile(Buffer.from(text), name));
      expect(done).toMatchObject({
        status: 'completed',
        last_error: null,
        chunking_strategy: {
          type: 'static',
          static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 },
        },
        progress: { chunks_done: 1, chunks_total: 1 },
      });
    }
    const [zh] = await search(storeId, '怎么重置密码');
    expect(zh).toMatchObject({
      filename: 'zh.txt',
      chunk: { char_start: 0, char_end: 26, page: null, heading_path: null },
    });
    const [en, second] = await search(storeId, 'where is the printer');
    expect(en).toMatchObject({ filename: 'en.md', chunk: { heading_path: 'Office' } });
    expect(en?.score).toBeLessThanOrEqual(1);
    expect(second?.score ?? 0).toBeLessThanOrEqual(en?.score ?? 0);
    const store = await client().vectorStores.retrieve(storeId);
    expect(store.file_counts).toMatchObject({ completed: 2, total: 2 });
    expect(store.usage_bytes).toBeGreaterThan(0);
  });

  test('a long file has many chunks, and its content comes back without repetition', async () => {
    const storeId = await createStore('long');
    const lines = Array.from({ length: 900 }, (_, i) => `Line ${i} tells fact number ${i * 7}.`);
    const text = lines.join('\n');
    const file = await attach(storeId, 'long.txt', text, {
      chunking_strategy: {
        type: 'static',
        static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 80 },
      },
    });
    const { progress } = file as unknown as { progress: { chunks_total: number } };
    expect(progress.chunks_total).toBeGreaterThan(60);
    const parts = [];
    for await (const part of client().vectorStores.files.content(file.id, {
      vector_store_id: storeId,
    }))
      parts.push(part.text);
    expect(parts.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
    const [hit] = await search(storeId, 'fact number 5047');
    expect(hit?.content[0]?.text).toContain('fact number 5047.');
  });

  test('a file that cannot be read fails alone and says why', async () => {
    const storeId = await createStore('mixed');
    const good = await uploadFile('good.txt', 'good words');
    const docx = await uploadFile('bad.docx', 'PK\u0003\u0004');
    const empty = await uploadFile('empty.txt', '');
    const batch = await client().vectorStores.fileBatches.createAndPoll(storeId, {
      file_ids: [good.id, docx.id, empty.id],
    });
    expect(batch).toMatchObject({
      status: 'completed',
      file_counts: { completed: 1, failed: 2, in_progress: 0, cancelled: 0, total: 3 },
    });
    const failed = await client().vectorStores.fileBatches.listFiles(batch.id, {
      vector_store_id: storeId,
      filter: 'failed',
      order: 'asc',
    });
    expect(failed.data.map((file) => file.last_error?.code).sort()).toEqual([
      'invalid_file',
      'unsupported_file',
    ]);
  });

  test('a batch of 250 files with their own attributes completes, pages and filters', async () => {
    const storeId = await createStore('many');
    const files = await Promise.all(
      Array.from({ length: 250 }, (_, i) => uploadFile(`n${i}.txt`, `note ${i} on topic ${i % 5}`)),
    );
    const batch = await client().vectorStores.fileBatches.createAndPoll(storeId, {
      files: files.map((file, i) => ({ file_id: file.id, attributes: { topic: i % 5, n: i } })),
    });
    expect(batch.file_counts).toMatchObject({ completed: 250, failed: 0, total: 250 });
    const listed = new Set<string>();
    for await (const file of client().vectorStores.files.list(storeId, { limit: 100 }))
      listed.add(file.id);
    expect(listed.size).toBe(250);
    const found = await search(storeId, 'note on topic', {
      filters: {
        type: 'and',
        filters: [
          { type: 'eq', key: 'topic', value: 3 },
          { type: 'lt', key: 'n', value: 100 },
        ],
      },
      max_num_results: 50,
    });
    expect(found).toHaveLength(20);
    expect(found.every((hit) => hit.attributes?.['topic'] === 3)).toBe(true);
  });

  test('a batch can be cancelled, and what was cancelled leaves nothing', async () => {
    const storeId = await createStore('cancelled');
    const file = await uploadFile('slow.txt', 'albatross');
    const { promise, resolve } = Promise.withResolvers<void>();
    platform.embedding.before = () => promise;
    const batch = await client().vectorStores.fileBatches.create(storeId, { file_ids: [file.id] });
    expect(batch.status).toBe('in_progress');
    const cancelled = await client().vectorStores.fileBatches.cancel(batch.id, {
      vector_store_id: storeId,
    });
    platform.embedding.before = () => undefined;
    resolve();
    expect(cancelled).toMatchObject({ status: 'cancelled', file_counts: { cancelled: 1 } });
    await expectNoTraces(storeId);
    expect(await search(storeId, 'albatross')).toEqual([]);
  });
});

describe('KB-4 visibility', () => {
  test('what is deleted is gone from the very next search, and collected later', async () => {
    const storeId = await createStore('forgetful');
    const kept = await attach(storeId, 'kept.txt', 'The pelican stays.');
    const inStore = await attach(storeId, 'a.txt', 'The launch code is albatross.');
    const whole = await attach(storeId, 'b.txt', 'Another albatross flies.');
    expect(await search(storeId, 'albatross')).toHaveLength(3);
    await client().vectorStores.files.delete(inStore.id, { vector_store_id: storeId });
    expect((await search(storeId, 'albatross')).map((hit) => hit.file_id)).not.toContain(
      inStore.id,
    );
    await client().files.delete(whole.id);
    expect((await search(storeId, 'albatross')).map((hit) => hit.file_id)).toEqual([kept.id]);
    expect((await client().vectorStores.retrieve(storeId)).file_counts.total).toBe(1);
    await client().vectorStores.delete(storeId);
    await expectNoTraces(storeId);
  });

  test('a file attached anew with other chunks is replaced at once, never doubled', async () => {
    const storeId = await createStore('replaced');
    const text = Array.from({ length: 300 }, (_, i) => `Sentence ${i} about pelicans.`).join(' ');
    const file = await uploadFile('a.txt', text);
    const chunking = (size: number) => ({
      file_id: file.id,
      chunking_strategy: {
        type: 'static' as const,
        static: { max_chunk_size_tokens: size, chunk_overlap_tokens: 0 },
      },
    });
    await client().vectorStores.files.createAndPoll(storeId, chunking(400));
    const before = await search(storeId, 'pelicans', { max_num_results: 50 });
    await client().vectorStores.files.createAndPoll(storeId, chunking(100));
    const after = await search(storeId, 'pelicans', { max_num_results: 50 });
    expect(after.length).toBeGreaterThan(before.length);
    expect(new Set(after.map((hit) => generationOf(hit))).size).toBe(1);
    expect(generationOf(after[0])).not.toBe(generationOf(before[0]));
  });
});

function generationOf(hit: unknown): string {
  return String((hit as { chunk: { id: string } }).chunk.id.split('.')[0]);
}

/** Waits until the collector has removed every generation of the store that is not current. */
async function expectNoTraces(storeId: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const { rows } = await platform.database.execute<{ count: number }>({
          sql: `select count(*) as count from generations where vector_store_id = $1 and state <> 'current'`,
          parameters: [storeId],
        });
        return rows[0]?.count;
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBe(0);
}
