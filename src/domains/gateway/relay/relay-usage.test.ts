import { describe, expect, it } from 'vitest';
import { NO_USAGE } from '../usage-counts.ts';
import { EventUsage } from './event-usage.ts';
import { reportedUsage } from './relay-usage.ts';

describe('GW-17 usage of answers that are no chat', () => {
  it.each([
    [
      'pictures and transcriptions',
      {
        usage: {
          input_tokens: 9,
          output_tokens: 4,
          total_tokens: 13,
          input_tokens_details: { cached_tokens: 2 },
        },
      },
      { promptTokens: 9, completionTokens: 4, cachedTokens: 2 },
    ],
    ['a rerank by its total', { usage: { total_tokens: 7 } }, { promptTokens: 7 }],
    [
      'a rerank by billed units',
      { meta: { billed_units: { input_tokens: 5, output_tokens: 1 } } },
      { promptTokens: 5, completionTokens: 1 },
    ],
    ['a rerank by its tokens', { meta: { tokens: { input_tokens: 6 } } }, { promptTokens: 6 }],
    ['audio by duration', { text: 'a', usage: { type: 'duration', seconds: 3 } }, {}],
    ['audio by its length alone', { text: 'a', duration: '8.5' }, {}],
  ])('%s', (_name, answer, counts) => {
    const reported = reportedUsage(answer);
    expect(reported.counts).toEqual({ ...NO_USAGE, ...counts });
    expect(reported.usage).toBeDefined();
  });

  it('leaves tokens open that nobody reported, and keeps what was', () => {
    expect(reportedUsage({ results: [] })).toEqual({});
    const meta = { billed_units: { search_units: 1 } };
    expect(reportedUsage({ meta })).toEqual({ usage: meta, counts: undefined });
    const usage = { prompt_tokens: 3 };
    expect(reportedUsage({ usage })).toEqual({ usage, counts: undefined });
  });

  it('is found in events, however they are cut', () => {
    const events = new EventUsage();
    const text =
      'event: x\ndata: {"type":"x","text":"no usage"}\n\ndata: {"type":"done","usage":{"input_tokens":3,"output_tokens":2}}\n\n';
    for (const byte of Buffer.from(text)) events.push(Buffer.from([byte]));
    expect(events.reported.counts).toMatchObject({ promptTokens: 3, completionTokens: 2 });
    expect(events.failed).toBe(false);
    events.push(Buffer.from('data: {"type":"error","error":{"message":"no"}}\n\n'));
    expect(events.failed).toBe(true);
  });

  it('is given up on behind an event that never ends', () => {
    const events = new EventUsage();
    events.push(Buffer.concat([Buffer.from('data: '), Buffer.alloc(9 * 1024 * 1024, 'x')]));
    events.push(Buffer.from('\n\ndata: {"usage":{"input_tokens":3}}\n\n'));
    expect(events.reported).toEqual({});
  });
});
