import { AppError } from '../../lib/app-error.ts';
import { describe, expect, it } from 'vitest';
import { bytesWithUsage, parseBody } from './request-body.ts';
import { validateChat, validateCompletion, validateEmbedding } from './validate-request.ts';

function failureOf(work: () => void): { status?: number; code?: string; param?: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError)
      return { status: error.status, code: error.code, param: error.param };
    throw error;
  }
  return {};
}

describe('parseBody', () => {
  it.each([
    ['nothing', undefined],
    ['an empty body', Buffer.alloc(0)],
    ['broken JSON', Buffer.from('{"model":')],
    ['an array', Buffer.from('[]')],
    ['a number', Buffer.from('7')],
    ['null', Buffer.from('null')],
  ])('refuses %s', (_name, body) => {
    expect(failureOf(() => parseBody(body))).toMatchObject({ status: 400, code: 'invalid_json' });
  });
});

const chat = (fields: object) => ({
  model: 'm',
  messages: [{ role: 'user', content: 'a' }],
  ...fields,
});

describe('validateChat', () => {
  it.each([
    [chat({ temperature: 2, top_p: 0, n: 1, stop: ['a'], logit_bias: { 50256: -100 }, seed: -1 })],
    [chat({ seed: 2 ** 63 })],
    [chat({ seed: -(2 ** 63) })],
    [
      chat({
        temperature: null,
        stream: null,
        stop: null,
        tools: [],
        unknown: 1,
        metadata: { a: 'b' },
      }),
    ],
    [
      chat({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'image_url', image_url: {} },
            ],
          },
        ],
      }),
    ],
    [
      chat({
        messages: [
          { role: 'assistant', content: null, tool_calls: [{ id: 'c', function: { name: 'f' } }] },
        ],
      }),
    ],
    [
      chat({
        messages: [
          { role: 'developer', content: 'a' },
          { role: 'tool', content: [{ type: 'text', text: '' }] },
        ],
      }),
    ],
    [
      chat({
        tool_choice: { type: 'function', function: { name: 'f' } },
        response_format: { type: 'json_schema' },
      }),
    ],
  ])('takes %j', (json) => {
    expect(failureOf(() => validateChat(json))).toEqual({});
  });

  it.each([
    [{ messages: [] }, 'model'],
    [{ model: 7, messages: [] }, 'model'],
    [{ model: 'm' }, 'messages'],
    [chat({ messages: [] }), 'messages'],
    [chat({ messages: 'hello' }), 'messages'],
    [chat({ messages: [7] }), 'messages[0]'],
    [chat({ messages: [{ content: 'a' }] }), 'messages[0].role'],
    [chat({ messages: [{ role: 'boss', content: 'a' }] }), 'messages[0].role'],
    [chat({ messages: [{ role: 'user', content: 7 }] }), 'messages[0].content'],
    [
      chat({ messages: [{ role: 'user', content: [{ text: 'a' }] }] }),
      'messages[0].content[0].type',
    ],
    [chat({ temperature: 2.1 }), 'temperature'],
    [chat({ temperature: '1' }), 'temperature'],
    [chat({ top_p: -1 }), 'top_p'],
    [chat({ n: 0 }), 'n'],
    [chat({ n: 1.5 }), 'n'],
    [chat({ max_tokens: 0 }), 'max_tokens'],
    [chat({ max_completion_tokens: -1 }), 'max_completion_tokens'],
    [chat({ seed: 1.5 }), 'seed'],
    [chat({ seed: 1e19 }), 'seed'],
    [chat({ seed: '1' }), 'seed'],
    [chat({ stream: 'yes' }), 'stream'],
    [chat({ stream_options: { include_usage: 1 } }), 'stream_options.include_usage'],
    [chat({ stop: [1] }), 'stop[0]'],
    [chat({ logit_bias: { 7: 101 } }), 'logit_bias.7'],
    [chat({ tools: [{ type: 'function', function: {} }] }), 'tools[0].function.name'],
    [chat({ tool_choice: 7 }), 'tool_choice'],
    [chat({ response_format: 'json' }), 'response_format'],
  ])('refuses %j and names %s', (json, param) => {
    expect(failureOf(() => validateChat(json))).toMatchObject({ status: 400, param });
  });
});

describe('the other bodies', () => {
  it.each([
    [{ model: 'm', prompt: ['a', 'b'] }],
    [{ model: 'm', prompt: [1, 2] }],
    [{ model: 'm', prompt: [[1], [2]], max_tokens: 0 }],
  ])('a completion takes %j', (json) => {
    expect(failureOf(() => validateCompletion(json))).toEqual({});
  });

  it.each([
    [{ model: 'm' }, 'prompt'],
    [{ model: 'm', prompt: ['a', 1] }, 'prompt[1]'],
    [{ model: 'm', prompt: { a: 1 } }, 'prompt'],
  ])('a completion refuses %j', (json, param) => {
    expect(failureOf(() => validateCompletion(json))).toMatchObject({ status: 400, param });
  });

  it.each([
    [{ model: 'm', input: 'a' }],
    [{ model: 'm', input: ['a', 'b'], encoding_format: 'base64', dimensions: 8 }],
    [{ model: 'm', input: [1, 2] }],
    [{ model: 'm', input: [[1], [2]] }],
  ])('embeddings take %j', (json) => {
    expect(failureOf(() => validateEmbedding(json))).toEqual({});
  });

  it.each([
    [{ model: 'm' }, 'input'],
    [{ model: 'm', input: '' }, 'input'],
    [{ model: 'm', input: [] }, 'input'],
    [{ model: 'm', input: ['a', ''] }, 'input[1]'],
    [{ model: 'm', input: [[]] }, 'input[0]'],
    [{ model: 'm', input: [1, 'a'] }, 'input[1]'],
    [{ model: 'm', input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    [{ model: 'm', input: 'a', dimensions: 0 }, 'dimensions'],
    [{ model: 'm', input: Array.from({ length: 2049 }, () => 'a') }, 'input'],
  ])('embeddings refuse %j', (json, param) => {
    expect(failureOf(() => validateEmbedding(json))).toMatchObject({ status: 400, param });
  });
});

describe('bytesWithUsage', () => {
  const withUsage = (text: string) => bytesWithUsage(parseBody(Buffer.from(text))).toString();
  it('leaves a body that asks already', () => {
    const text = '{"a":1, "stream_options": {"include_usage": true}}';
    expect(withUsage(text)).toBe(text);
  });
  it('splices behind the first brace', () => {
    expect(withUsage('\n { "a": "{" }')).toBe(
      '\n {"stream_options":{"include_usage":true}, "a": "{" }',
    );
  });
  const asked = '{"include_usage":true}';
  it.each([
    ['null', asked],
    ['{}', asked],
    ['{ }', '{"include_usage":true }'],
    ['{"include_usage":false}', asked],
    ['{"include_usage" : null }', '{"include_usage" : true }'],
    [
      '{"x":[{"include_usage":1}],"y":"}"}',
      '{"include_usage":true,"x":[{"include_usage":1}],"y":"}"}',
    ],
    ['{"include_usage":true,"include_usage":false}', '{"include_usage":true,"include_usage":true}'],
  ])('changes only the flag in stream_options %s', (options, expected) => {
    const body = (given: string) =>
      `{"seed":9223372036854775807, "a" : "\\"{[你\\\\" ,"b":[1,{"stream_options":null},-1.50e3],\r\n` +
      ` "stream_options" : ${given} ,"c":{}, "d":""}`;
    expect(withUsage(body(options))).toBe(body(expected));
  });
  it('finds an escaped key, and takes the last of two', () => {
    expect(withUsage('{"stream\\u005foptions":null,"a":1}')).toBe(
      `{"stream\\u005foptions":${asked},"a":1}`,
    );
    expect(withUsage('{"stream_options":{"include_usage":true},"stream_options":{}}')).toBe(
      `{"stream_options":{"include_usage":true},"stream_options":${asked}}`,
    );
  });
  it('gets over nesting that is deeper than the stack', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(withUsage(`{"a":${deep},"stream_options":{}}`)).toBe(
      `{"a":${deep},"stream_options":${asked}}`,
    );
  });
});
