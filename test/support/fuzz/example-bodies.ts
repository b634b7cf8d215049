const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const user = (content: unknown) => ({ role: 'user', content });
const CHAT = { model: 'scripted-chat', messages: [user('hello')] };

/** Right bodies of the routes whose bodies the description leaves open: they pass on what they do not know. */
const EXAMPLES: Readonly<Record<string, readonly object[]>> = {
  '/chat/completions': [
    CHAT,
    { ...CHAT, stream: true, stream_options: { include_usage: true } },
    {
      ...CHAT,
      temperature: 0.5,
      top_p: 1,
      n: 1,
      max_tokens: 5,
      stop: ['a', 'b'],
      seed: 1,
      user: 'u',
    },
    {
      ...CHAT,
      messages: [
        { role: 'system', content: 'be short' },
        user([
          { type: 'text', text: 'look' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
        ]),
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'done' },
      ],
      tools: [
        { type: 'function', function: { name: 'f', parameters: { type: 'object', $ref: '#' } } },
      ],
      tool_choice: 'auto',
      response_format: { type: 'json_schema', json_schema: { name: 's', schema: { $ref: '#' } } },
    },
  ],
  '/completions': [
    { model: 'scripted-chat', prompt: 'once', max_tokens: 3 },
    { model: 'scripted-chat', prompt: ['a', 'b'], stream: true, echo: false, logprobs: 1 },
  ],
  '/embeddings': [
    { model: 'scripted-embedding', input: 'text' },
    { model: 'scripted-embedding', input: ['a', 'b'], encoding_format: 'base64', dimensions: 4 },
  ],
  '/messages': [
    { model: 'scripted-chat', max_tokens: 5, messages: [user('hello')] },
    {
      model: 'scripted-chat',
      max_tokens: 5,
      system: [{ type: 'text', text: 'be short', cache_control: { type: 'ephemeral' } }],
      messages: [
        user([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }]),
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 't1', name: 'f', input: { a: 1 } }],
        },
        user([{ type: 'tool_result', tool_use_id: 't1', content: 'done' }]),
      ],
      tools: [{ name: 'f', description: 'd', input_schema: { type: 'object' } }],
      tool_choice: { type: 'auto' },
      stream: true,
      stop_sequences: ['a'],
    },
  ],
  '/messages/count_tokens': [{ model: 'scripted-chat', messages: [user('hello')] }],
  '/rerank': [{ model: 'scripted-chat', query: 'q', documents: ['a', { text: 'b' }], top_n: 1 }],
  '/moderations': [{ model: 'scripted-chat', input: ['a', 'b'] }],
  '/images/generations': [{ model: 'scripted-chat', prompt: 'a llama', n: 1, size: '256x256' }],
  '/audio/speech': [{ model: 'scripted-chat', input: 'hello', voice: 'alloy', speed: 1 }],
};

/** Right bodies for a path, or undefined where only the description knows them. */
export function examplesFor(path: string): readonly object[] | undefined {
  const name = path.replace(/^(\/api\/v1\/llm|\/v1)/, '');
  return EXAMPLES[name];
}

const FORM_PATHS = /\/(files|images\/edits|audio\/(transcriptions|translations))$/;

/** Whether a POST to the path takes a form. */
export const takesForm = (path: string) => FORM_PATHS.test(path) && !path.includes('vector_stores');
