import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type BareGateway,
  startBareGateway,
} from '../../../test/support/scripted-provider/bare-gateway.ts';

let gateway: BareGateway;
let client: OpenAI;

beforeAll(async () => {
  gateway = await startBareGateway({});
  client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: 'any', maxRetries: 0 });
});

afterEach(() => {
  gateway.records.length = 0;
});

afterAll(() => gateway.close());

const CONTEXT =
  'The Lamp Works opened in 1987 in Turku. Its founder was Aino Virtanen. It makes 40,000 lamps a year.\n' +
  '灯厂的仓库位于深圳。员工每天八点上班。';

const ask = (question: string) => [
  { role: 'system' as const, content: CONTEXT },
  { role: 'user' as const, content: question },
];

describe('GW-15 the built-in reader, through the official SDK', () => {
  it.each([
    ['Who was the founder?', 'Its founder was Aino Virtanen.'],
    ['灯厂的仓库在哪里？', '灯厂的仓库位于深圳。'],
  ])('answers "%s" from the text', async (question, answer) => {
    const completion = await client.chat.completions.create({
      model: 'llamp-builtin',
      messages: ask(question),
    });
    expect(completion.choices[0]?.message.content).toBe(answer);
    expect(completion.system_fingerprint).toBe('llamp-builtin-extractive');
    expect(completion.usage?.prompt_tokens).toBeGreaterThan(40);
    expect(gateway.records).toMatchObject([
      {
        deployment: 'builtin',
        status: 'completed',
        estimated: false,
        completionTokens: completion.usage?.completion_tokens,
      },
    ]);
  });

  it('says what it is when there is nothing to read', async () => {
    const { choices } = await client.chat.completions.create({
      model: 'llamp-builtin',
      messages: [{ role: 'user', content: 'Write a poem.' }],
    });
    expect(choices[0]?.message.content).toMatch(/extractive reader, not a language model/);
  });

  it('streams the same answer, with usage when asked', async () => {
    const stream = await client.chat.completions.create({
      model: 'llamp-builtin',
      messages: ask('Who was the founder?'),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let last: OpenAI.ChatCompletionChunk | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      last = chunk;
    }
    expect(text).toBe('Its founder was Aino Virtanen.');
    expect(last?.choices).toEqual([]);
    expect(last?.usage?.total_tokens).toBeGreaterThan(0);
    expect(gateway.records).toMatchObject([{ status: 'completed', estimated: false }]);
  });

  it('honours max_tokens, stop and n', async () => {
    const messages = ask('Who was the founder?');
    const cut = await client.chat.completions.create({
      model: 'llamp-builtin',
      messages,
      max_tokens: 2,
      n: 2,
    });
    expect(cut.choices.map((choice) => choice.finish_reason)).toEqual(['length', 'length']);
    expect(cut.usage?.completion_tokens).toBe(4);
    const stopped = await client.chat.completions.create({
      model: 'llamp-builtin',
      messages,
      stop: [' Aino'],
    });
    expect(stopped.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: 'Its founder was' },
    });
  });

  it('completes a prompt', async () => {
    const { choices } = await client.completions.create({
      model: 'llamp-builtin',
      prompt: `${CONTEXT}\nQuestion: When did the works open?`,
    });
    expect(choices[0]?.text).toContain('1987');
  });

  it('refuses what it cannot do', async () => {
    const json = client.chat.completions.create({
      model: 'llamp-builtin',
      messages: ask('?'),
      response_format: { type: 'json_object' },
    });
    await expect(json).rejects.toMatchObject({ status: 400, param: 'response_format' });
    const chat = client.chat.completions.create({
      model: 'llamp-builtin-lexical',
      messages: ask('?'),
    });
    await expect(chat).rejects.toMatchObject({ status: 400, code: 'unsupported_endpoint' });
  });
});

describe('the built-in embedder, through the official SDK', () => {
  const embed = async (input: string[], extra: object = {}) => {
    const answer = await client.embeddings.create({
      model: 'llamp-builtin-lexical',
      input,
      ...extra,
    });
    return answer.data.map((item) => item.embedding);
  };
  const cosine = (left: number[] = [], right: number[] = []) =>
    left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);

  it('puts texts that share terms near each other, in both languages', async () => {
    const [cat, cats, tax, zh, zhNear, zhFar] = await embed([
      'the cat sat on the mat',
      'two cats on a mat',
      'annual income tax return',
      '知识库的检索质量',
      '如何提高知识库检索',
      '今天天气很好',
    ]);
    expect(cat).toHaveLength(384);
    expect(cosine(cat, cat)).toBeCloseTo(1, 5);
    expect(cosine(cat, cats)).toBeGreaterThan(cosine(cat, tax) + 0.2);
    expect(cosine(zh, zhNear)).toBeGreaterThan(cosine(zh, zhFar) + 0.2);
  });

  it('gives the same numbers as floats and as base64, and fewer of them when asked', async () => {
    const [packed] = await embed(['lamp']);
    const [floats] = await embed(['lamp'], { encoding_format: 'float' });
    expect(packed).toEqual(floats);
    const [short] = await embed(['lamp'], { dimensions: 64 });
    expect(short).toHaveLength(64);
    expect(cosine(short, short)).toBeCloseTo(1, 5);
    await expect(embed(['lamp'], { dimensions: 1000 })).rejects.toMatchObject({
      param: 'dimensions',
    });
  });

  it('refuses token arrays with a reason', async () => {
    const tokens = client.embeddings.create({ model: 'llamp-builtin-lexical', input: [1, 2, 3] });
    await expect(tokens).rejects.toMatchObject({ status: 400, param: 'input' });
  });
});
