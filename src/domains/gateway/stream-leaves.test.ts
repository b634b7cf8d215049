import { describe, expect, it } from 'vitest';
import { factsOf } from './frame-facts.ts';
import { failureOfErrorEvent } from './in-band-error.ts';
import { openAiDialect } from './openai-dialect.ts';
import { dataOf, FRAME_BYTES_MAX, FrameSplitter, FrameTooLongError } from './sse-frames.ts';
import { StreamProgress } from './stream-progress.ts';
import { estimateCompletion, estimatePrompt, estimateTokens } from './token-estimate.ts';
import { countsOf } from './usage-counts.ts';

const STREAM =
  ': hello\n\ndata: {"a":"你🙂"}\r\n\r\nevent: x\ndata: 1\ndata: 2\n\n\ndata: [DONE]\n\nrest';

function split(bytes: Buffer, size: number) {
  const splitter = new FrameSplitter();
  const frames: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += size)
    frames.push(...splitter.push(bytes.subarray(start, start + size)));
  return { frames: frames.map(String), rest: splitter.rest().toString() };
}

describe('FrameSplitter', () => {
  const all = Buffer.from(STREAM);
  it.each(Array.from({ length: 40 }, (_, index) => index + 1).concat(all.length))(
    'cuts the same frames whatever the chunks (%i bytes)',
    (size) => {
      const { frames, rest } = split(all, size);
      expect(frames).toEqual([
        ': hello\n\n',
        'data: {"a":"你🙂"}\r\n\r\n',
        'event: x\ndata: 1\ndata: 2\n\n',
        '\ndata: [DONE]\n\n',
      ]);
      expect(rest).toBe('rest');
    },
  );

  it('gives up on a frame that does not end', () => {
    const splitter = new FrameSplitter();
    const piece = Buffer.alloc(FRAME_BYTES_MAX / 2, 'x');
    splitter.push(piece);
    splitter.push(piece);
    expect(() => splitter.push(piece)).toThrow(FrameTooLongError);
  });
});

describe('dataOf', () => {
  it.each([
    ['data: {"a":1}\n\n', '{"a":1}'],
    ['data:{"a":1}\r\n\r\n', '{"a":1}'],
    [': ping\ndata: 1\n\n', '1'],
    ['id: 3\ndata: 1\ndata: 2\n\n', '1\n2'],
    ['data:\n\n', ''],
    [': ping data: no\n\n', undefined],
    ['event: ping\n\n', undefined],
  ])('%j -> %j', (frame, data) => {
    expect(dataOf(Buffer.from(frame))?.toString()).toBe(data);
  });
});

describe('factsOf', () => {
  const facts = (data: string) => factsOf(Buffer.from(`data: ${data}\n\n`));
  it('sees the kinds of frames', () => {
    expect(facts('[DONE]').kind).toBe('done');
    expect(facts(': ping').kind).toBe('noise');
    expect(facts('').kind).toBe('noise');
    expect(facts('{"a":').kind).toBe('broken');
    expect(facts('{"usage": }').kind).toBe('broken');
    expect(facts('{"error":{"message":"m"}}')).toEqual({ kind: 'error', error: { message: 'm' } });
    expect(facts('{"choices":[{"delta":{}}],"error":null}').kind).toBe('content');
  });
  it('is not deceived by text that looks like a key', () => {
    const text = JSON.stringify({
      choices: [
        {
          delta: { content: '"usage":{"prompt_tokens":1},"error":{},"finish_reason":"stop"' },
          finish_reason: null,
        },
      ],
    });
    expect(facts(text)).toMatchObject({ kind: 'content', finished: false, usage: undefined });
  });
  it('finds a finish reason of any choice', () => {
    expect(facts('{"choices":[{"finish_reason":null},{"finish_reason" : "stop"}]}')).toMatchObject({
      finished: true,
    });
    expect(facts('{"choices":[{"finish_reason":null}]}')).toMatchObject({ finished: false });
  });
  it('tells a usage event from usage in a content event', () => {
    expect(facts('{"choices":[],"usage":{"prompt_tokens":1}}')).toMatchObject({ usageOnly: true });
    expect(facts('{"usage":{"prompt_tokens":1}}')).toMatchObject({ usageOnly: true });
    expect(facts('{"choices":[{}],"usage":{"prompt_tokens":1}}')).toMatchObject({
      usageOnly: false,
      usage: { prompt_tokens: 1 },
    });
    expect(facts('{"choices":[],"usage":null}')).toMatchObject({
      usageOnly: false,
      usage: undefined,
    });
  });
});

describe('StreamProgress', () => {
  const frame = (data: string) => Buffer.from(`data: ${data}\n\n`);
  it('shows nothing behind the end', () => {
    const progress = new StreamProgress({ dialect: openAiDialect, hideUsage: true });
    const batch = [frame('{"choices":[{"delta":{}}]}'), frame('[DONE]'), frame('{"choices":[{}]}')];
    expect(progress.take(batch)).toEqual(batch.slice(0, 2));
    expect(progress.complete).toBe(true);
  });
  it('is not complete without an end', () => {
    const progress = new StreamProgress({ dialect: openAiDialect, hideUsage: false });
    progress.take([frame('{"choices":[{"delta":{"content":"a"},"finish_reason":null}]}')]);
    expect(progress.complete).toBe(false);
    expect(progress.estimateCompletion()).toBe(1);
  });
  it('counts a fat event as several tokens', () => {
    const progress = new StreamProgress({ dialect: openAiDialect, hideUsage: false });
    progress.take([frame('{"t":"a"}'), frame(`{"t":"${'a'.repeat(401)}"}`)]);
    expect(progress.estimateCompletion()).toBe(100);
  });
});

describe('an error inside a stream', () => {
  const secret = 'Incorrect API key provided: sk-secret';
  it.each([
    [{ message: secret, code: 401 }],
    [{ message: secret, status: 403 }],
    [{ message: secret, status_code: '401' }],
    [{ message: secret, type: 'invalid_request_error', code: 'invalid_api_key' }],
    [{ message: secret, type: 'authentication_error' }],
  ])('about our credential is ours, and its words are not shown: %j', (error) => {
    const failure = failureOfErrorEvent(error);
    expect(failure).toMatchObject({
      status: 502,
      code: 'upstream_authentication_failed',
      retryable: false,
    });
    expect(failure.message).not.toContain('sk-');
    const progress = new StreamProgress({ dialect: openAiDialect, hideUsage: false });
    const frame = Buffer.from(`data: ${JSON.stringify({ error })}\n\n`);
    expect(progress.take([frame])).toEqual([]);
    expect(progress.failureShown).toBe(false);
  });

  it.each([
    [{ message: 'm', type: 'invalid_request_error', param: 'n' }, 400, 'upstream_rejected'],
    [{ message: 'm', code: 'context_length_exceeded' }, 400, 'context_length_exceeded'],
    [{ message: 'm', type: 'invalid_request_error', code: 404 }, 404, 'upstream_rejected'],
    [{ message: 'm', code: '422' }, 422, 'upstream_rejected'],
  ])("about the request is the client's: %j", (error, status, code) => {
    expect(failureOfErrorEvent(error)).toMatchObject({
      status,
      code,
      message: 'm',
      type: 'invalid_request_error',
      retryable: false,
    });
  });

  it.each([
    [{ message: 'm', code: 429 }, 429],
    [{ message: 'm', type: 'invalid_request_error', code: 500 }, 502],
    [{ message: 'm', code: 'engine_died' }, 502],
    ['m', 502],
    [null, 502],
  ])('else may go away: %j', (error, status) => {
    expect(failureOfErrorEvent(error)).toMatchObject({ status, retryable: true });
  });
});

describe('countsOf', () => {
  it('reads details, and other names for them', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 3 },
    };
    expect(countsOf(usage)).toEqual({
      promptTokens: 10,
      completionTokens: 5,
      cachedTokens: 4,
      reasoningTokens: 3,
    });
    expect(countsOf({ prompt_tokens: 1, prompt_cache_hit_tokens: 1 })?.cachedTokens).toBe(1);
    expect(countsOf({ prompt_tokens: 1, prompt_tokens_details: null })?.cachedTokens).toBe(0);
  });
  it.each([
    undefined,
    null,
    7,
    {},
    { prompt_tokens: -1 },
    { prompt_tokens: 1.5 },
    { prompt_tokens: '1' },
  ])('takes %j for no report', (usage) => expect(countsOf(usage)).toBeUndefined());
});

describe('estimateTokens', () => {
  // The counts of the o200k vocabulary.
  it.each([
    ['The gateway passes the bytes of a stream on as they are and reads only what it needs.', 19],
    ['知识库的检索质量取决于切分方式和向量模型，而不只是大语言模型本身。', 25],
  ])('is within a third of the vocabulary for %j', (text, tokens) => {
    expect(Math.abs(estimateTokens(text) - tokens) / tokens).toBeLessThan(0.34);
  });
  it('counts only text, and token arrays exactly', () => {
    expect(estimatePrompt({ input: [1, 2, 3] })).toBe(3);
    const image = { type: 'image_url', image_url: { url: 'x'.repeat(9_000) } };
    expect(
      estimatePrompt({
        messages: [{ role: 'user', content: [image, { type: 'text', text: 'hi' }] }],
      }),
    ).toBe(1);
    expect(estimateCompletion({ choices: [{ message: { content: 'hi' } }] })).toBe(1);
    expect(estimateCompletion({})).toBe(0);
  });
  it('gets over nesting that is deeper than the stack', () => {
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(estimatePrompt({ messages: [{ content: 'hi' }, deep] })).toBe(1);
  });
});
