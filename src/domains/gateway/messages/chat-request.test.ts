import { describe, expect, it } from 'vitest';
import { deploymentOf } from '../../../../test/support/provider-calls.ts';
import type { ProviderName } from '../../models/index.ts';
import { chatRequest } from './chat-request.ts';

const hi = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
const translated = (
  fields: object,
  provider: ProviderName = 'openai-compatible',
  upstreamModel = 'm',
) =>
  chatRequest({ ...hi, ...fields }, deploymentOf(provider, upstreamModel, { baseUrl: 'http://x' }));
const messagesOf = (messages: object[], provider?: ProviderName) =>
  translated({ messages }, provider).json['messages'];

const TOOL = { name: 'now', description: 'Time', input_schema: { type: 'object' } };
const FUNCTION = {
  type: 'function',
  function: { name: 'now', description: 'Time', parameters: { type: 'object' } },
};
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iV' } };
const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,iV' } };

describe('GW-16 a message request as a chat request', () => {
  it.each([
    [{}, { max_tokens: 9 }],
    [
      { system: 'Be brief.' },
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'hi' },
        ],
      },
    ],
    [
      {
        system: [
          { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
          { type: 'text', text: 'b' },
        ],
      },
      {
        messages: [
          { role: 'system', content: 'a\n\nb' },
          { role: 'user', content: 'hi' },
        ],
      },
    ],
    [{ stop_sequences: ['END'] }, { stop: ['END'] }],
    [
      { temperature: 0.5, top_p: 0.9, top_k: 4 },
      { temperature: 0.5, top_p: 0.9, top_k: 4 },
    ],
    [{ stream: true }, { stream: true, stream_options: { include_usage: true } }],
    [{ tools: [TOOL] }, { tools: [FUNCTION] }],
    [
      { tools: [{ ...TOOL, type: 'custom', strict: true }] },
      { tools: [{ ...FUNCTION, function: { ...FUNCTION.function, strict: true } }] },
    ],
    [{ tools: [TOOL], tool_choice: { type: 'auto' } }, { tool_choice: 'auto' }],
    [{ tools: [TOOL], tool_choice: { type: 'none' } }, { tool_choice: 'none' }],
    [
      { tools: [TOOL], tool_choice: { type: 'any', disable_parallel_tool_use: true } },
      { tool_choice: 'required', parallel_tool_calls: false },
    ],
    [
      { tools: [TOOL], tool_choice: { type: 'tool', name: 'now' } },
      { tool_choice: { type: 'function', function: { name: 'now' } } },
    ],
    [{ thinking: { type: 'enabled', budget_tokens: 1_024 } }, { reasoning_effort: 'low' }],
    [{ thinking: { type: 'enabled', budget_tokens: 16_000 } }, { reasoning_effort: 'medium' }],
    [{ thinking: { type: 'enabled', budget_tokens: 31_999 } }, { reasoning_effort: 'high' }],
    [{ output_config: { effort: 'max' } }, { reasoning_effort: 'xhigh' }],
    [
      { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } },
      { reasoning_effort: 'low' },
    ],
    [
      { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
        },
      },
    ],
  ])('%j', (fields, expected) => {
    expect(translated(fields)).toMatchObject({ json: expected, ignored: [] });
  });

  it('sends nothing that was not asked for', () => {
    const quiet = {
      metadata: { user_id: 'u' },
      cache_control: { type: 'ephemeral' },
      system: null,
      tools: [],
      tool_choice: { type: 'auto' },
      stop_sequences: [],
      stream: false,
      thinking: { type: 'disabled' },
    };
    expect(translated(quiet)).toEqual({ json: hi, ignored: [] });
  });

  it('says what the model will not hear of', () => {
    const given = { context_management: {}, service_tier: 'auto', speed: null };
    expect(translated(given).ignored).toEqual(['context_management', 'service_tier']);
  });

  it.each(['gpt-4o', 'gpt-4.1-mini', 'gpt-3.5-turbo'])('asks %s for no effort', (model) => {
    const fields = { output_config: { effort: 'high' } };
    const { json, ignored } = translated(fields, 'openai-compatible', model);
    expect(json).not.toHaveProperty('reasoning_effort');
    expect(ignored).toEqual(['reasoning_effort']);
  });

  it.each(['o3-mini', 'gpt-5', 'gpt-5.1-codex', 'gpt-10'])('limits %s by its name', (model) => {
    const { json } = translated({}, 'openai-compatible', model);
    expect(json).toMatchObject({ max_completion_tokens: 9 });
    expect(json).not.toHaveProperty('max_tokens');
  });

  it.each([
    [{ container: 'c' }, 'container'],
    [{ mcp_servers: [] }, 'mcp_servers'],
    [{ tools: [TOOL, { type: 'web_search_20250305', name: 'web_search' }] }, 'tools[1].type'],
    [{ output_config: { format: { type: 'xml' } } }, 'output_config.format.type'],
    [{ system: [image] }, 'system[0].type'],
    [
      { messages: [{ role: 'user', content: [{ type: 'document', source: {} }] }] },
      'messages[0].content[0].type',
    ],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: 'f' } }] },
        ],
      },
      'messages[0].content[0].source.type',
    ],
    [
      { messages: [{ role: 'assistant', content: [{ type: 'server_tool_use' }] }] },
      'messages[0].content[0].type',
    ],
    [
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'search_result' }] },
            ],
          },
        ],
      },
      'messages[0].content[0].content[0].type',
    ],
  ])('refuses %j', (fields, param) => {
    const refused = expect.objectContaining({ status: 400, code: 'unsupported_parameter', param });
    expect(() => translated(fields)).toThrow(refused);
  });
});

describe('GW-16 the messages of a conversation', () => {
  it.each([
    [
      [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      [{ role: 'user', content: 'hi' }],
    ],
    [
      [{ role: 'user', content: [{ type: 'text', text: 'See' }, image] }],
      [{ role: 'user', content: [{ type: 'text', text: 'See' }, picture] }],
    ],
    [
      [
        {
          role: 'user',
          content: [{ type: 'image', source: { type: 'url', url: 'https://x/a.png' } }],
        },
      ],
      [
        {
          role: 'user',
          content: [{ type: 'image_url', image_url: { url: 'https://x/a.png' } }],
        },
      ],
    ],
    [
      [{ role: 'system', content: 'Now in French.' }],
      [{ role: 'system', content: 'Now in French.' }],
    ],
    [[{ role: 'assistant', content: 'Well' }], [{ role: 'assistant', content: 'Well' }]],
  ])('%j', (messages, expected) => {
    expect(messagesOf(messages)).toEqual(expected);
  });

  it('calls of tools and their results', () => {
    const use = (id: string) => ({ type: 'tool_use', id, name: 'now', input: { zone: 1 } });
    const call = (id: string) => ({
      id,
      type: 'function',
      function: { name: 'now', arguments: '{"zone":1}' },
    });
    expect(
      messagesOf([
        { role: 'assistant', content: [{ type: 'text', text: 'Both:' }, use('a'), use('b')] },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: 'noon' },
            { type: 'tool_result', tool_use_id: 'b', content: 'gone', is_error: true },
            { type: 'text', text: 'So?' },
          ],
        },
        { role: 'assistant', content: [use('c')] },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'c',
              content: [{ type: 'text', text: 'one' }, image],
            },
          ],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'd' }] },
      ]),
    ).toEqual([
      { role: 'assistant', content: 'Both:', tool_calls: [call('a'), call('b')] },
      { role: 'tool', tool_call_id: 'a', content: 'noon' },
      { role: 'tool', tool_call_id: 'b', content: 'Error: gone' },
      { role: 'user', content: 'So?' },
      { role: 'assistant', content: null, tool_calls: [call('c')] },
      { role: 'tool', tool_call_id: 'c', content: 'one' },
      {
        role: 'user',
        content: [{ type: 'text', text: expect.stringContaining('tool call c') }, picture],
      },
      { role: 'tool', tool_call_id: 'd', content: '' },
    ]);
  });

  it('thoughts go back to whoever thought them', () => {
    const signed = { type: 'thinking', thinking: 'Hm', signature: 's' };
    const hidden = { type: 'redacted_thinking', data: 'd' };
    const unsigned = { type: 'thinking', thinking: 'Well', signature: '' };
    const answer = (...blocks: object[]) => [
      { role: 'assistant', content: [...blocks, { type: 'text', text: '42' }] },
    ];
    const plain = { role: 'assistant', content: '42' };
    expect(messagesOf(answer(signed, hidden))).toEqual([plain]);
    expect(messagesOf(answer(signed, hidden), 'bedrock')).toEqual([
      { ...plain, thinking_blocks: [signed, hidden] },
    ]);
    expect(messagesOf(answer(unsigned))).toEqual([{ ...plain, reasoning_content: 'Well' }]);
  });
});
