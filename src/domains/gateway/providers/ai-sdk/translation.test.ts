import { describe, expect, it } from 'vitest';
import { sourceFiles } from '../../../../../test/support/source-files.ts';
import { bytesWithModel } from '../../request-body.ts';
import { finishReason } from './finish-reason.ts';
import { ignoredHeaders } from './ignored-headers.ts';
import { failureOfSdkError } from './map-sdk-error.ts';
import { toolOptions } from './tool-options.ts';
import { usageObject } from './usage-object.ts';

describe('GW-11 the SDKs of vendors', () => {
  it('cost nothing at start: no file imports one but at the first call', () => {
    const atStart = sourceFiles('src').filter((file) =>
      /^import\s+(?!type\b)[^;]*?from '@ai-sdk\//m.test(file.text),
    );
    const product = atStart.filter((file) => !file.path.endsWith('.test.ts'));
    expect(product.map((file) => file.path)).toEqual([]);
  });
});

describe('bytesWithModel', () => {
  it.each([
    ['{"model":"m"}', '{"model":"up"}'],
    [
      ' {\n "a":{"model":"m"}, "model" : "m" ,"z":1.0}',
      ' {\n "a":{"model":"m"}, "model" : "up" ,"z":1.0}',
    ],
    ['{"model":"x","model":"m"}', '{"model":"x","model":"up"}'],
    ['{"mod\\u0065l":"m"}', '{"mod\\u0065l":"up"}'],
    ['--boundary\r\n{"model":"m"}', '--boundary\r\n{"model":"m"}'],
  ])('%s', (given, expected) => {
    const bytes = Buffer.from(given);
    expect(bytesWithModel({ bytes, json: { model: 'm' } }, 'up').toString()).toBe(expected);
    expect(bytesWithModel({ bytes, json: { model: 'up' } }, 'up')).toBe(bytes);
  });

  it('writes any name as JSON', () => {
    const bytes = Buffer.from('{"model":"m"}');
    const written = bytesWithModel({ bytes, json: { model: 'm' } }, 'a"b\\ü');
    expect(JSON.parse(written.toString())).toEqual({ model: 'a"b\\ü' });
  });
});

describe('finishReason', () => {
  it.each([
    ['stop', 'end_turn', 'stop'],
    ['length', 'max_tokens', 'length'],
    ['tool-calls', 'tool_use', 'tool_calls'],
    ['content-filter', 'SAFETY', 'content_filter'],
    ['other', 'OTHER', 'stop'],
    ['other', undefined, undefined],
    ['interrupted', undefined, undefined],
  ] as const)('%s (%s) -> %s', (unified, raw, expected) => {
    expect(finishReason({ unified, raw })).toBe(expected);
  });
});

describe('usageObject', () => {
  const none = {
    total: undefined,
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  };
  const nothing = { total: undefined, text: undefined, reasoning: undefined };

  it('makes no number up', () => {
    expect(usageObject({ inputTokens: none, outputTokens: nothing })).toBeUndefined();
  });

  it('keeps zeros and details', () => {
    const inputTokens = { total: 0, noCache: 0, cacheRead: 0, cacheWrite: undefined };
    const outputTokens = { total: 9, text: 2, reasoning: 7 };
    expect(usageObject({ inputTokens, outputTokens })).toEqual({
      prompt_tokens: 0,
      completion_tokens: 9,
      total_tokens: 9,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 7 },
    });
  });
});

describe('failureOfSdkError', () => {
  const named = (name: string, fields: object = {}) =>
    Object.assign(new Error('m'), { name, ...fields });
  it.each([
    [{ message: 'm', statusCode: 529 }, 503, 'upstream_unavailable', true],
    [{ message: 'm', statusCode: 429 }, 429, 'upstream_rate_limited', true],
    [{ message: 'm', statusCode: 401 }, 502, 'upstream_authentication_failed', false],
    [{ message: 'm', statusCode: 400 }, 400, 'upstream_rejected', false],
    [{ message: 'm' }, 502, 'upstream_error', true],
    ['text', 502, 'upstream_error', true],
    [named('AI_APICallError', { statusCode: 200 }), 502, 'upstream_error', true],
    [named('AI_JSONParseError'), 502, 'upstream_error', true],
    [named('AI_UnsupportedFunctionalityError'), 400, 'invalid_value', false],
  ])('%# becomes %i %s', (error, status, code, retryable) => {
    expect(failureOfSdkError(error)).toMatchObject({ status, code, retryable });
  });
});

describe('toolOptions', () => {
  const tool = (name: string) => ({ type: 'function', function: { name } });
  const tools = [tool('a'), tool('b')];

  it.each([
    [undefined, ['a', 'b'], undefined],
    ['none', ['a', 'b'], { type: 'none' }],
    ['required', ['a', 'b'], { type: 'required' }],
    [tool('b'), ['a', 'b'], { type: 'tool', toolName: 'b' }],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool('b')] } },
      ['b'],
      { type: 'required' },
    ],
  ])('%j', (tool_choice, names, toolChoice) => {
    const options = toolOptions({ tools, tool_choice }, 'X');
    expect(options.tools?.map(({ name }) => name)).toEqual(names);
    expect(options.toolChoice).toEqual(toolChoice);
  });

  it('makes nothing of no tools, unless one must be called', () => {
    expect(toolOptions({ tools: [], tool_choice: 'none' }, 'X')).toEqual({});
    expect(toolOptions({ tool_choice: 'auto' }, 'X')).toEqual({});
    expect(() => toolOptions({ tools: [], tool_choice: 'required' }, 'X')).toThrow(
      expect.objectContaining({ status: 400, param: 'tool_choice' }),
    );
  });
});

describe('ignoredHeaders', () => {
  it('names fields as the client knows them, once', () => {
    const warning = (feature: string) => ({ type: 'unsupported' as const, feature });
    const warnings = [warning('topP'), warning('topP'), warning('odd\r\nthing')];
    expect(ignoredHeaders(warnings)).toEqual({ 'x-llamp-ignored': 'top_p, odd_thing' });
    expect(ignoredHeaders([])).toEqual({});
  });
});
