import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../field-checks.ts';
import type { StreamAnswer, UpstreamRequest } from '../provider.ts';
import { deploymentOf, callOf } from '../../../../test/support/provider-calls.ts';
import { TranslatedStream } from './translated-stream.ts';

const deployment = deploymentOf('openai-compatible', 'm', { baseUrl: 'http://127.0.0.1/v1' });
const request: UpstreamRequest = callOf(deployment, {
  model: 'claude',
  messages: [{ role: 'user', content: 'hi there' }],
});
const USAGE = {
  prompt_tokens: 30,
  completion_tokens: 9,
  prompt_tokens_details: { cached_tokens: 20, cache_creation_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 5 },
};

const chunk = (delta: object, finish: string | null = null, fields: object = {}) => ({
  id: 'chatcmpl-1',
  choices: [{ index: 0, delta, finish_reason: finish, ...fields }],
});
const calls = (...tool_calls: object[]) => chunk({ tool_calls });
const named = (index: number, name: string, text = '') => ({
  index,
  id: `call_${index}`,
  type: 'function',
  function: { name, arguments: text },
});
const piece = (index: number, text: string) => ({ index, function: { arguments: text } });

function answering(chunks: readonly (object | string)[], pieces = 1): StreamAnswer {
  const text = chunks
    .map((one) => `data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`)
    .join('');
  const bytes = Buffer.from(text);
  const size = Math.ceil(bytes.length / pieces);
  async function* parts() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return { headers: {}, chunks: parts(), release: () => undefined };
}

interface Read {
  readonly events: JsonObject[];
  readonly failure: unknown;
  readonly reported: unknown;
}

async function translated(chunks: readonly (object | string)[], pieces = 1): Promise<Read> {
  const stream = new TranslatedStream(answering(chunks, pieces), request);
  let text = '';
  let failure: unknown;
  try {
    for (let read = await stream.next(); read.done !== true; read = await stream.next())
      text += read.value.toString();
  } catch (error) {
    failure = error;
  }
  const events = text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const [, name, data] = /^event: (\w+)\ndata: (\{.*\})$/.exec(event) ?? [];
      const json = JSON.parse(data ?? '') as JsonObject;
      expect(json['type']).toBe(name);
      return json;
    });
  return { events, failure, reported: stream.reported };
}

/** Blocks in short: their beginnings, deltas and ends. */
function outline(events: readonly JsonObject[]): unknown[] {
  return events.flatMap(({ type, index, content_block: block, delta }): unknown[] => {
    if (type === 'content_block_start') return [[index, (block as JsonObject)['type']]];
    if (type === 'content_block_stop') return [[index, 'end']];
    if (type !== 'content_block_delta') return [];
    const { type: _kind, ...rest } = delta as JsonObject;
    return [Object.values(rest)[0]];
  });
}

const last = (events: readonly JsonObject[]) => events.at(-2);

describe('GW-16 a chat stream as a message', () => {
  it.each([1, 2, 7, 50])('begins, speaks and ends (%i pieces)', async (pieces) => {
    const chunks = [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'Hello' }),
      chunk({ content: ', 世界' }),
      chunk({}, 'stop'),
      { choices: [], usage: USAGE },
      '[DONE]',
    ];
    const { events, failure, reported } = await translated(chunks, pieces);
    expect(failure).toBeUndefined();
    expect(reported).toMatchObject({
      usage: USAGE,
      counts: { promptTokens: 30, completionTokens: 9, cachedTokens: 20, reasoningTokens: 5 },
    });
    expect(events[0]).toMatchObject({
      type: 'message_start',
      message: { id: 'msg_1', role: 'assistant', model: 'claude', content: [], stop_reason: null },
    });
    expect(outline(events)).toEqual([[0, 'text'], 'Hello', ', 世界', [0, 'end']]);
    expect(last(events)).toEqual({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null, stop_details: null, container: null },
      usage: {
        input_tokens: 6,
        cache_creation_input_tokens: 4,
        cache_read_input_tokens: 20,
        output_tokens: 9,
        output_tokens_details: { thinking_tokens: 5 },
        server_tool_use: null,
      },
    });
    expect(events.at(-1)).toEqual({ type: 'message_stop' });
  });

  it.each([
    [
      'one after the other',
      [
        calls(named(0, 'weather')),
        calls(piece(0, '{"city":')),
        calls(piece(0, '"Oslo"}')),
        calls(named(1, 'now', '{}')),
      ],
      [[0, 'tool_use'], '{"city":', '"Oslo"}', [0, 'end'], [1, 'tool_use'], '{}', [1, 'end']],
    ],
    [
      'mixed',
      [
        calls(named(0, 'a'), named(1, 'b')),
        calls(piece(0, '{"x":')),
        calls(piece(1, '{"y":')),
        calls(piece(0, '1}'), piece(1, '2')),
        calls(piece(1, '}')),
      ],
      [[0, 'tool_use'], '{"x":', '1}', [0, 'end'], [1, 'tool_use'], '{"y":2', '}', [1, 'end']],
    ],
    [
      'without arguments',
      [calls(named(0, 'now')), calls(named(1, 'later'))],
      [
        [0, 'tool_use'],
        [0, 'end'],
        [1, 'tool_use'],
        [1, 'end'],
      ],
    ],
    [
      'without index and id',
      [calls({ function: { name: 'now', arguments: { a: 1 } } })],
      [[0, 'tool_use'], '{"a":1}', [0, 'end']],
    ],
    [
      'behind text',
      [chunk({ content: 'Looking.' }), calls(named(0, 'now', '{}'))],
      [[0, 'text'], 'Looking.', [0, 'end'], [1, 'tool_use'], '{}', [1, 'end']],
    ],
    [
      'before text',
      [calls(named(0, 'now')), chunk({ content: 'Done.' })],
      [[0, 'tool_use'], [0, 'end'], [1, 'text'], 'Done.', [1, 'end']],
    ],
  ])('tells of tool calls %s', async (_name, chunks, expected) => {
    const { events } = await translated([...chunks, chunk({}, 'tool_calls'), '[DONE]']);
    expect(outline(events)).toEqual(expected);
    expect(last(events)).toMatchObject({ delta: { stop_reason: 'tool_use' } });
  });

  it('names the call, and keeps what its vendor wants back', async () => {
    const extra_content = { google: { thought_signature: 's' } };
    const { events } = await translated([
      calls({ ...named(0, 'now', '{}'), extra_content }),
      chunk({}, 'stop'),
    ]);
    expect(events[1]?.['content_block']).toEqual({
      type: 'tool_use',
      id: 'call_0',
      name: 'now',
      input: {},
      caller: { type: 'direct' },
      extra_content,
    });
    expect(last(events)).toMatchObject({ delta: { stop_reason: 'tool_use' } });
  });

  it.each([
    [
      'unsigned',
      [chunk({ reasoning_content: 'Hm' }), chunk({ reasoning: '.' }), chunk({ content: '42' })],
      [[0, 'thinking'], 'Hm', '.', [0, 'end'], [1, 'text'], '42', [1, 'end']],
    ],
    [
      'signed',
      [
        chunk({ reasoning_content: 'Hm' }),
        chunk({ thinking_blocks: [{ type: 'thinking', thinking: 'Hm', signature: 'sig' }] }),
        chunk({ thinking_blocks: [{ type: 'redacted_thinking', data: 'x' }] }),
        chunk({ content: '42' }),
      ],
      [
        [0, 'thinking'],
        'Hm',
        'sig',
        [0, 'end'],
        [1, 'redacted_thinking'],
        [1, 'end'],
        [2, 'text'],
        '42',
        [2, 'end'],
      ],
    ],
  ])('shows %s thoughts', async (_name, chunks, expected) => {
    const { events } = await translated([...chunks, chunk({}, 'stop'), '[DONE]']);
    expect(outline(events)).toEqual(expected);
  });

  it.each([
    ['length', {}, 'max_tokens', null],
    ['content_filter', {}, 'refusal', null],
    ['stop', { stop_reason: 'END' }, 'stop_sequence', 'END'],
    ['stop', { stop_reason: null }, 'end_turn', null],
    ['eos', {}, 'end_turn', null],
  ])('says why it ended: %s %j', async (finish, fields, stop_reason, stop_sequence) => {
    const { events } = await translated([
      chunk({ content: 'a' }),
      chunk({}, finish, fields),
      '[DONE]',
    ]);
    expect(last(events)).toMatchObject({ delta: { stop_reason, stop_sequence } });
  });

  it('estimates for the client, and reports nothing, where the upstream counts nothing', async () => {
    const { events, reported } = await translated([
      chunk({ content: 'word '.repeat(8) }),
      chunk({}, 'stop'),
    ]);
    expect(reported).toEqual({});
    const usage = last(events)?.['usage'] as JsonObject;
    expect(usage['output_tokens']).toBe(10);
    expect(usage['input_tokens']).toBeGreaterThan(1);
  });

  it('begins with content only, so that another attempt may follow', async () => {
    const { events, failure } = await translated([
      chunk({ role: 'assistant', content: '' }),
      { error: { message: 'Overloaded', type: 'overloaded_error' } },
    ]);
    expect(events).toEqual([]);
    expect(failure).toMatchObject({ code: 'upstream_unavailable', retryable: true });
    expect(await translated(['[DONE]'])).toMatchObject({
      events: [],
      failure: { code: 'upstream_error' },
    });
  });

  it('tells what came before a failure', async () => {
    const { events, failure } = await translated([chunk({ content: 'a' }), '{"choices": [']);
    expect(outline(events)).toEqual([[0, 'text'], 'a']);
    expect(failure).toMatchObject({ code: 'upstream_error' });
  });

  it('makes up no end', async () => {
    const { events, failure } = await translated([chunk({ content: 'a' })]);
    expect(failure).toBeUndefined();
    expect(events.map(({ type }) => type)).not.toContain('message_stop');
  });
});
