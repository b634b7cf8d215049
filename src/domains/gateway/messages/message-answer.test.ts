import { describe, expect, it } from 'vitest';
import { reportedByChat } from './chat-usage.ts';
import { messageAnswer } from './message-answer.ts';

const REQUEST = { model: 'claude', messages: [{ role: 'user', content: 'hi' }] };
const USAGE = {
  prompt_tokens: 9,
  completion_tokens: 4,
  prompt_tokens_details: { cached_tokens: 7 },
};

function answer(message: object, finish_reason = 'stop', fields: object = {}) {
  const choices = [{ index: 0, message, finish_reason, ...fields }];
  const completion = { id: 'chatcmpl-7', choices, usage: USAGE };
  return messageAnswer(completion, REQUEST, reportedByChat(USAGE));
}
const call = (text: unknown, name = 'now') => ({
  tool_calls: [{ id: 'call_1', type: 'function', function: { name, arguments: text } }],
});
const toolUse = (input: object) => [
  { type: 'tool_use', id: 'call_1', name: 'now', input, caller: { type: 'direct' } },
];

describe('GW-16 a chat completion as a message', () => {
  it('has every field of one', () => {
    expect(answer({ content: 'Hello' })).toEqual({
      id: 'msg_7',
      type: 'message',
      role: 'assistant',
      model: 'claude',
      content: [{ type: 'text', text: 'Hello', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        input_tokens: 2,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 7,
        output_tokens: 4,
        output_tokens_details: { thinking_tokens: 0 },
        server_tool_use: null,
        cache_creation: null,
        inference_geo: null,
        service_tier: 'standard',
        speed: null,
      },
    });
  });

  it.each([
    ['{"a":[1]}', 'tool_calls', { a: [1] }],
    ['', 'tool_calls', {}],
    [undefined, 'tool_calls', {}],
    [{ a: 1 }, 'tool_calls', { a: 1 }],
    ['{"a":', 'length', {}],
  ])('reads the arguments %j', (text, finish, input) => {
    expect(answer({ content: null, ...call(text) }, finish)).toMatchObject({
      content: toolUse(input),
      stop_reason: finish === 'length' ? 'max_tokens' : 'tool_use',
    });
  });

  it.each(['{"a":', '7', '[]', 'null'])('calls the arguments %j garbage', (text) => {
    expect(() => answer(call(text), 'tool_calls')).toThrow(/arguments that are no JSON/);
  });

  it.each([
    [{ reasoning_content: 'Hm.' }, [{ type: 'thinking', thinking: 'Hm.', signature: '' }]],
    [{ reasoning: 'Hm.' }, [{ type: 'thinking', thinking: 'Hm.', signature: '' }]],
    [
      {
        reasoning_content: 'Hm.',
        thinking_blocks: [
          { type: 'thinking', thinking: 'Hm.', signature: 's' },
          { type: 'redacted_thinking', data: 'd' },
        ],
      },
      [
        { type: 'thinking', thinking: 'Hm.', signature: 's' },
        { type: 'redacted_thinking', data: 'd' },
      ],
    ],
    [{ refusal: 'No.' }, [{ type: 'text', text: 'No.', citations: null }]],
    [{ content: '' }, []],
  ])('makes blocks of %j', (message, content) => {
    expect(answer(message)['content']).toEqual(content);
  });

  it('estimates what the upstream does not count', () => {
    const completion = { choices: [{ message: { content: 'one two three' } }] };
    expect(messageAnswer(completion, REQUEST, {})['usage']).toMatchObject({ output_tokens: 3 });
  });

  it.each([{}, { choices: [] }, { choices: [{}] }, { choices: [{ message: 'x' }] }])(
    'calls %j no answer',
    (completion) => {
      expect(() => messageAnswer(completion, REQUEST, {})).toThrow(/no message/);
    },
  );
});
