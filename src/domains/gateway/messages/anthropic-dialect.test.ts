import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KeptEvents } from '../response-cache/kept-events.ts';
import { StreamProgress } from '../stream-progress.ts';
import { anthropicDialect } from './anthropic-dialect.ts';
import { anthropicCountsOf, mergeAnthropicUsage } from './anthropic-usage.ts';

const frame = (data: string, event = 'x') => Buffer.from(`event: ${event}\ndata: ${data}\n\n`);
const facts = (data: string, event?: string) => anthropicDialect.factsOf(frame(data, event));
const fixture = (name: string) =>
  readFileSync(new URL(`../providers/anthropic/fixtures/${name}`, import.meta.url), 'utf8')
    .split(/(?<=\n\n)/)
    .map((text) => Buffer.from(text));

describe('GW-16 the events of Anthropic', () => {
  it.each([
    ['{"type":"message_start","message":{}}', { kind: 'outline', begins: false }],
    ['{"type":"content_block_start","index":0}', { kind: 'outline', begins: true }],
    ['{"type":"content_block_delta","delta":{}}', { kind: 'content' }],
    ['{"type":"content_block_stop","index":0}', { kind: 'outline', begins: true }],
    ['{"type":"ping"}', { kind: 'comment' }],
    ['{"type":"message_stop"}', { kind: 'done' }],
    ['{"type":"error","error":{"message":"m"}}', { kind: 'error', error: { message: 'm' } }],
    ['{"type":"something_new"}', { kind: 'outline', begins: true }],
    ['{"type":', { kind: 'broken' }],
    ['{"type": }', { kind: 'broken' }],
    ['<html>', { kind: 'noise' }],
  ])('%s', (data, expected) => {
    expect(facts(data)).toMatchObject(expected);
  });

  it('knows a piece of content by its name, whatever its text looks like', () => {
    const text = '{"type":"content_block_delta","delta":{"text":"\\"type\\":\\"message_stop\\""}}';
    expect(facts(text, 'content_block_delta').kind).toBe('content');
    expect(anthropicDialect.factsOf(Buffer.from(`data: ${text}\r\n\r\n`)).kind).toBe('content');
    expect(anthropicDialect.factsOf(Buffer.from(': ping\n\n')).kind).toBe('comment');
  });

  it('end with their last event, and count what they report', () => {
    const progress = new StreamProgress({ dialect: anthropicDialect, hideUsage: false });
    const frames = fixture('thinking.sse');
    expect(progress.take(frames)).toEqual(frames);
    expect(progress.complete).toBe(true);
    expect(progress.reported).toEqual({
      usage: {
        input_tokens: 25,
        cache_creation_input_tokens: 10,
        cache_read_input_tokens: 100,
        output_tokens: 60,
        output_tokens_details: { thinking_tokens: 55 },
        service_tier: 'standard',
      },
      counts: { promptTokens: 135, completionTokens: 60, cachedTokens: 100, reasoningTokens: 55 },
    });
  });

  it.each([
    ['text.sse', true],
    ['cut.sse', false],
    ['error-midway.sse', false],
  ])('are kept in the cache with their last event only (%s)', (name, isWhole) => {
    const kept = new KeptEvents(100_000);
    for (const event of fixture(name)) kept.add(event);
    expect(kept.whole() !== undefined).toBe(isWhole);
  });

  it('are not whole without it', () => {
    const progress = new StreamProgress({ dialect: anthropicDialect, hideUsage: false });
    progress.take(fixture('thinking.sse').slice(0, -1));
    expect(progress.complete).toBe(false);
  });

  it('tell of a failure in their own words', () => {
    const progress = new StreamProgress({ dialect: anthropicDialect, hideUsage: false });
    const frames = fixture('error-midway.sse');
    expect(progress.take(frames)).toEqual(frames);
    expect(progress.failure).toMatchObject({ code: 'upstream_error' });
    expect(progress.failureShown).toBe(true);
  });
});

describe('GW-16 the usage of Anthropic', () => {
  it.each([
    [undefined, undefined],
    [{}, undefined],
    [{ input_tokens: -1 }, undefined],
    [{ input_tokens: 3 }, { promptTokens: 3, completionTokens: 0 }],
    [
      { input_tokens: 3, cache_read_input_tokens: null },
      { promptTokens: 3, cachedTokens: 0 },
    ],
    [{ output_tokens: 2, output_tokens_details: null }, { completionTokens: 2 }],
  ])('%j', (usage, counts) => {
    if (counts === undefined) expect(anthropicCountsOf(usage)).toBeUndefined();
    else expect(anthropicCountsOf(usage)).toMatchObject(counts);
  });

  it('is a running total of which null says nothing', () => {
    const before = { input_tokens: 5, output_tokens: 1 };
    const reported = { input_tokens: null, output_tokens: 9 };
    expect(mergeAnthropicUsage(before, reported)).toEqual({ input_tokens: 5, output_tokens: 9 });
  });

  it('is estimated from everything that was generated', () => {
    const content = [
      { type: 'thinking', thinking: 'one two' },
      { type: 'text', text: 'three' },
      { type: 'tool_use', input: { a: 'four' } },
    ];
    expect(anthropicDialect.estimateCompletion({ content })).toBeGreaterThanOrEqual(5);
    expect(anthropicDialect.estimateCompletion({})).toBe(0);
  });
});
