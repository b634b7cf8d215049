import type { Call } from './api-client.ts';

export interface BadRequest {
  readonly name: string;
  readonly status: number;
  readonly code?: string;
  readonly request: Call;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const CHAT = '/v1/chat/completions';
const MEGABYTE = 1024 ** 2;

const chat = (model: string) => ({ model, messages: [{ role: 'user', content: 'x' }] });
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

/** Requests that are wrong in one way each, with the answer that they must get. The key is added by the suite. */
export const BAD_REQUESTS: readonly BadRequest[] = [
  ...brokenBodies(CHAT),
  ...brokenBodies('/v1/embeddings'),
  ...brokenBodies('/v1/vector_stores'),
  ...brokenBodies('/api/v1/keys'),
  ...wrongFields(),
  ...wrongRoutes(),
  ...wrongPages(),
  ...wrongUploads(),
  ...oversized(),
  ...zeroCharacters(),
];

function brokenBodies(path: string): BadRequest[] {
  const bodies: readonly [string, string][] = [
    ['broken JSON', '{"model": '],
    ['an empty body', ''],
    ['a top-level array', '[{"model":"scripted-chat"}]'],
    ['a top-level text', '"scripted-chat"'],
    ['a top-level null', 'null'],
    ['text behind the JSON', '{} {}'],
    ['bytes that are no UTF-8 text', '\u0001\u0002'],
    ['deep nesting', nested(100_000)],
    ['deep nesting that never ends', '[{"a":'.repeat(50_000)],
  ];
  const broken = bodies.map(([name, body]) => ({
    name: `${name} to ${path}`,
    status: 400,
    request: { method: 'POST', path, body, headers: JSON_TYPE },
  }));
  const contentTypes = ['text/plain', 'application/xml', 'application/x-www-form-urlencoded'];
  const foreign = contentTypes.map((type) => ({
    name: `${type} to ${path}`,
    status: 415,
    code: 'unsupported_content_type',
    request: { method: 'POST', path, body: '{}', headers: { 'content-type': type } },
  }));
  return [...broken, ...foreign];
}

function wrongFields(): BadRequest[] {
  const post = (path: string, json: unknown, status = 400, code?: string): BadRequest => {
    const text = JSON.stringify(json);
    const shown = text.length > 80 ? `${text.slice(0, 80)}… (${text.length})` : text;
    return { name: `${shown} to ${path}`, status, code, request: { path, json } };
  };
  const long = (length: number) => 'x'.repeat(length);
  return [
    post(CHAT, {}),
    post(CHAT, { model: 7, messages: [] }),
    post(CHAT, { model: 'scripted-chat' }),
    post(CHAT, { model: 'scripted-chat', messages: 'hello' }),
    post(CHAT, { model: 'scripted-chat', messages: [] }),
    post(CHAT, { ...chat('scripted-chat'), temperature: 'hot' }),
    post(CHAT, { ...chat('scripted-chat'), stream: 'yes' }),
    post(CHAT, { ...chat('scripted-chat'), max_tokens: -1 }),
    post(CHAT, chat('no-such-model'), 404, 'model_not_found'),
    post(CHAT, chat(long(10_000)), 404),
    post('/v1/embeddings', { model: 'no-such-model', input: 'x' }, 404, 'model_not_found'),
    post('/v1/embeddings', { model: 'scripted-embedding' }),
    post('/v1/embeddings', { model: 'scripted-embedding', input: {} }),
    post('/v1/vector_stores', { name: 7 }),
    post('/v1/vector_stores', { name: long(257) }),
    post('/v1/vector_stores', { description: long(513) }),
    post('/v1/vector_stores', { metadata: { a: { b: 1 } } }),
    post('/v1/vector_stores', { metadata: { a: long(100_000) } }),
    post('/v1/vector_stores', { expires_after: { anchor: 'tomorrow', days: 1 } }),
    post('/v1/vector_stores', { file_ids: ['file-missing'] }, 404),
    post('/v1/vector_stores', { file_ids: 'file-missing' }),
    post('/v1/vector_stores', { embedding_model: 'no-such-model' }, 404),
    post('/v1/vector_stores', { chunking_strategy: { type: 'magic' } }),
    post('/api/v1/keys', { name: 'x' }),
    post('/api/v1/keys', { name: 'x', scopes: ['everything'] }),
    post('/api/v1/keys', { name: 'x', scopes: [] }),
    post('/api/v1/keys', { name: long(201), scopes: ['inference'] }),
    post('/api/v1/keys', { name: 'x', scopes: ['inference'], expires_at: 1 }),
    post('/api/v1/keys', { name: 'x', scopes: ['inference'], expires_at: 1e300 }),
    post('/api/v1/keys', { name: 'x', scopes: ['inference'], project_id: 'missing' }, 404),
    post('/api/v1/keys', { name: 'x', scopes: ['inference'], admin: true }),
    post('/api/v1/projects', { name: '' }),
    post('/api/v1/projects', { name: long(201) }),
    post('/api/v1/setup', { token: 'x', email: 'a@b.c', name: 'x', password: 'too short' }),
    post('/api/v1/setup', { token: 'x', email: 'a@b.c', name: 'x', password: long(20) }),
  ];
}

function wrongRoutes(): BadRequest[] {
  const at = (method: string, path: string, status: number, code?: string): BadRequest => ({
    name: `${method} ${path.length > 80 ? `${path.slice(0, 80)}…` : path}`,
    status,
    code,
    request: { method, path },
  });
  return [
    at('GET', '/v1/nothing', 404, 'unknown_url'),
    at('POST', '/v2/chat/completions', 404, 'unknown_url'),
    at('GET', '/v1/chat/completions/../../etc/passwd', 404),
    at('GET', '/v1/files/..%2f..%2fetc%2fpasswd', 404),
    at('GET', '/v1/%E0%A4%A', 400),
    at('GET', CHAT, 405, 'method_not_allowed'),
    at('DELETE', CHAT, 405, 'method_not_allowed'),
    at('PUT', '/v1/files', 405, 'method_not_allowed'),
    at('PATCH', '/api/v1/keys', 405, 'method_not_allowed'),
    at('GET', '/v1/files/file-missing', 404, 'file_not_found'),
    at('GET', `/v1/files/${'x'.repeat(600)}`, 400),
    at('GET', `/v1/files/${'x'.repeat(200)}`, 400),
    at('GET', '/v1/files/%20', 404),
    at('GET', '/v1/models/no-such-model', 404, 'model_not_found'),
    at('GET', `/v1/models/${encodeURIComponent('模型/'.repeat(20))}`, 404),
  ];
}

function wrongPages(): BadRequest[] {
  const lists = [
    '/v1/files',
    '/v1/vector_stores',
    '/api/v1/keys',
    '/api/v1/users',
    '/api/v1/usage',
  ];
  const limits = [
    '0',
    '-1',
    '10001',
    'ten',
    '1.5',
    '',
    '1e1',
    '9'.repeat(400),
    '1&limit=2',
    'true',
    ' 1',
  ];
  const get = (path: string): BadRequest => ({
    name: path.length > 80 ? `${path.slice(0, 80)}…` : path,
    status: 400,
    request: { path },
  });
  return lists.flatMap((list) => [
    ...limits.map((limit) => get(`${list}?limit=${limit}`)),
    get(`${list}?after=no-such-entry`),
    get(`${list}?after=${'x'.repeat(1_000)}`),
    get(`${list}?after=a%00b`),
  ]);
}

function wrongUploads(): BadRequest[] {
  const upload = (name: string, body: string, boundary = '; boundary=b', status = 400) => ({
    name: `an upload ${name}`,
    status,
    request: {
      method: 'POST',
      path: '/v1/files',
      body,
      headers: { 'content-type': `multipart/form-data${boundary}` },
    },
  });
  const part = (head: string, content: string) =>
    `--b\r\ncontent-disposition: form-data; ${head}\r\n\r\n${content}\r\n`;
  const purpose = part('name="purpose"', 'assistants');
  const file = part('name="file"; filename="a.txt"', 'text');
  return [
    upload('without a boundary', '', ''),
    upload('without any part', '--b--\r\n'),
    upload('that is no multipart at all', 'hello'),
    upload('that ends in the middle', `${purpose}--b\r\ncontent-disp`),
    upload('without its last boundary', `${purpose}${file}`),
    upload('without a file', `${purpose}--b--\r\n`),
    upload('without a purpose', `${file}--b--\r\n`),
    upload('with an unknown purpose', `${part('name="purpose"', 'fun')}${file}--b--\r\n`),
    upload('whose file is a text field', `${purpose}${part('name="file"', 'text')}--b--\r\n`),
    {
      name: 'an upload as JSON',
      status: 400,
      code: 'invalid_file_upload',
      request: { path: '/v1/files', json: { file: 'text', purpose: 'assistants' } },
    },
  ];
}

function oversized(): BadRequest[] {
  const body = JSON.stringify({ padding: 'x'.repeat(11 * MEGABYTE) });
  const paths = [CHAT, '/v1/embeddings', '/v1/vector_stores', '/api/v1/keys'];
  return paths.map((path) => ({
    name: `11 MB to ${path}`,
    status: 413,
    request: { method: 'POST', path, body, headers: JSON_TYPE },
  }));
}

function zeroCharacters(): BadRequest[] {
  return [
    { name: 'U+0000 in a path', status: 400, request: { path: '/v1/files/a%00b' } },
    { name: 'U+0000 in a query', status: 400, request: { path: '/v1/files?purpose=%00' } },
    {
      name: 'U+0000 in a name',
      status: 400,
      request: { path: '/v1/vector_stores', json: { name: 'a\0b' } },
    },
    {
      name: 'U+0000 in a key',
      status: 400,
      request: { path: '/v1/vector_stores', json: { metadata: { 'a\0': 'b' } } },
    },
    {
      name: 'U+0000 in a new key',
      status: 400,
      request: { path: '/api/v1/keys', json: { name: '\0', scopes: ['inference'] } },
    },
    {
      name: 'U+0000 in a model',
      status: 404,
      request: { path: CHAT, json: chat('scripted\0chat') },
    },
  ];
}
