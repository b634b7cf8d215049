import { createHash } from 'node:crypto';
import OpenAI, { APIError, toFile } from 'openai';
import { describe, expect, test } from 'vitest';

export interface Target {
  /** Address without a path, for example http://127.0.0.1:8000. */
  readonly url: string;
  readonly apiKey: string;
  /** A chat and an embedding model that the scripted upstream serves. */
  readonly chatModel: string;
  readonly embeddingModel: string;
}

/** What the official SDK for Node must be able to do, unmodified. */
export function openaiNodeSuite(target: () => Target): void {
  const client = (apiKey = target().apiKey) =>
    new OpenAI({ baseURL: `${target().url}/v1`, apiKey, maxRetries: 0 });

  describe('GW-1 inference with the openai package', () => {
    test('a completion in one piece carries usage and a request id', async () => {
      const completion = await client().chat.completions.create({
        model: target().chatModel,
        messages: [{ role: 'user', content: 'say hello' }],
      });
      expect(completion.object).toBe('chat.completion');
      expect(completion.choices[0]?.message.content).toEqual(expect.any(String));
      expect(completion.choices[0]?.finish_reason).toBe('stop');
      expect(completion.usage?.total_tokens).toBeGreaterThan(0);
      expect(completion._request_id).toMatch(/^\S{8,}$/);
    });

    test('a stream joins to a whole answer and shows usage only when asked', async () => {
      const ask = {
        model: target().chatModel,
        messages: [{ role: 'user' as const, content: 'say hello' }],
      };
      const plain = await client().chat.completions.create({ ...ask, stream: true });
      const chunks = [];
      for await (const chunk of plain) chunks.push(chunk);
      expect(chunks.every((chunk) => chunk.choices.length > 0)).toBe(true);
      expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');

      const helper = client().chat.completions.stream({
        ...ask,
        stream_options: { include_usage: true },
      });
      const final = await helper.finalChatCompletion();
      expect(final.usage?.total_tokens).toBeGreaterThan(0);
      expect(final.choices[0]?.message.content).toBe(
        chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''),
      );
    });

    test('legacy completions answer', async () => {
      const completion = await client().completions.create({
        model: target().chatModel,
        prompt: 'hello',
      });
      expect(completion.object).toBe('text_completion');
      expect(completion.choices[0]?.text).toEqual(expect.any(String));
    });

    test('embeddings come as floats and as base64', async () => {
      const input = ['first text', '第二段文字'];
      const model = target().embeddingModel;
      const floats = await client().embeddings.create({ model, input, encoding_format: 'float' });
      const decoded = await client().embeddings.create({ model, input });
      expect(floats.data.map((each) => each.index)).toEqual([0, 1]);
      expect(floats.data[0]?.embedding.length).toBe(decoded.data[0]?.embedding.length);
      expect(decoded.data[1]?.embedding[0]).toBeCloseTo(
        floats.data[1]?.embedding[0] ?? Number.NaN,
        5,
      );
    });

    test('models are listed and found one by one', async () => {
      const ids = [];
      for await (const model of client().models.list()) ids.push(model.id);
      expect(ids).toContain(target().chatModel);
      expect((await client().models.retrieve(target().chatModel)).object).toBe('model');
    });
  });

  describe('GW-3 errors as the openai package expects them', () => {
    test('an unknown model is 404 model_not_found', async () => {
      const failure = await failureOf(
        client().chat.completions.create({
          model: 'no-such-model',
          messages: [{ role: 'user', content: 'x' }],
        }),
      );
      expect(failure).toMatchObject({
        status: 404,
        code: 'model_not_found',
        type: 'invalid_request_error',
      });
      expect(failure.message).toMatch(/The model .* does not exist/);
    });

    test('a wrong key is 401 invalid_api_key', async () => {
      const failure = await failureOf(client('sk-llamp-wrong').models.list());
      expect(failure).toMatchObject({ status: 401, code: 'invalid_api_key' });
      expect(failure.requestID).toMatch(/^\S{8,}$/);
    });

    test('a wrong type names its field', async () => {
      const failure = await failureOf(
        client().chat.completions.create({
          model: target().chatModel,
          messages: [{ role: 'user', content: 7 as unknown as string }],
        }),
      );
      expect(failure).toMatchObject({ status: 400, param: 'messages[0].content' });
    });
  });

  describe('KB-1 files and vector stores with the openai package', () => {
    test('a file goes up, comes back byte by byte, and is deleted', async () => {
      const bytes = Buffer.from('量子计算 quantum computing\n'.repeat(1000));
      const file = await client().files.create({
        file: await toFile(bytes, '报告 1.txt'),
        purpose: 'assistants',
      });
      expect(file).toMatchObject({ object: 'file', bytes: bytes.length, filename: '报告 1.txt' });
      const back = Buffer.from(await (await client().files.content(file.id)).arrayBuffer());
      expect(sha256(back)).toBe(sha256(bytes));
      expect(await client().files.delete(file.id)).toEqual({
        id: file.id,
        object: 'file',
        deleted: true,
      });
      expect(await failureOf(client().files.retrieve(file.id))).toMatchObject({ status: 404 });
    });

    test('uploadAndPoll ends completed and both languages are found', async () => {
      const store = await client().vectorStores.create({ name: 'handbook' });
      await upload(store.id, 'zh.txt', '员工请假须在周五之前提交申请。密码重置请联系信息部。');
      await upload(
        store.id,
        'en.txt',
        'The cafeteria opens at noon. Printers are on the second floor.',
      );
      const zh = await client().vectorStores.search(store.id, { query: '怎么重置密码' });
      expect(zh.data[0]).toMatchObject({ filename: 'zh.txt', score: expect.any(Number) });
      const en = await client().vectorStores.search(store.id, { query: 'where is the printer' });
      expect(en.data[0]?.filename).toBe('en.txt');
      expect(en.data[0]?.content[0]?.text).toContain('second floor');
      for (const hit of [...zh.data, ...en.data]) {
        expect(hit.score).toBeGreaterThanOrEqual(0);
        expect(hit.score).toBeLessThanOrEqual(1);
      }
    });

    test('KB-4 a deleted file is gone from the very next search', async () => {
      const store = await client().vectorStores.create({ name: 'forgetful' });
      const file = await upload(store.id, 'secret.txt', 'The launch code is albatross.');
      expect(
        (await client().vectorStores.search(store.id, { query: 'albatross' })).data,
      ).toHaveLength(1);
      await client().vectorStores.files.delete(file.id, { vector_store_id: store.id });
      expect(
        (await client().vectorStores.search(store.id, { query: 'albatross' })).data,
      ).toHaveLength(0);
    });

    test('a batch reports its counts, filters by attribute, and pages', async () => {
      const store = await client().vectorStores.create({ name: 'batch' });
      const files = await Promise.all(
        Array.from({ length: 25 }, async (_, index) =>
          client().files.create({
            file: await toFile(
              Buffer.from(`note number ${index} about topic ${index % 5}`),
              `n${index}.txt`,
            ),
            purpose: 'assistants',
          }),
        ),
      );
      const batch = await client().vectorStores.fileBatches.createAndPoll(
        store.id,
        {
          files: files.map((file, index) => ({
            file_id: file.id,
            attributes: { topic: index % 5 },
          })),
        } as never,
        { pollIntervalMs: 100 },
      );
      expect(batch.status).toBe('completed');
      expect(batch.file_counts).toMatchObject({ completed: 25, failed: 0, total: 25 });
      const listed = [];
      for await (const each of client().vectorStores.files.list(store.id, { limit: 10 }))
        listed.push(each.id);
      expect(new Set(listed).size).toBe(25);
      const found = await client().vectorStores.search(store.id, {
        query: 'note about topic',
        filters: { type: 'eq', key: 'topic', value: 3 },
        max_num_results: 50,
      });
      expect(found.data).toHaveLength(5);
      expect(found.data.every((hit) => hit.attributes?.['topic'] === 3)).toBe(true);
    });

    async function upload(storeId: string, name: string, text: string) {
      const file = await client().vectorStores.files.uploadAndPoll(
        storeId,
        await toFile(Buffer.from(text), name),
        { pollIntervalMs: 100 },
      );
      expect(file).toMatchObject({ status: 'completed', last_error: null });
      return file;
    }
  });
}

async function failureOf(promise: Promise<unknown>): Promise<APIError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(APIError);
  return outcome as APIError;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
