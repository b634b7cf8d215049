import { answering, locate } from './locate.ts';
import type { TestServer } from './test-server.ts';

/** Not a server: OpenAI's Python library, which acceptance tests drive as a client would. */
export const pythonOpenaiClient: TestServer = {
  leg: 'openai-python',
  install:
    'python3 -m venv ~/.cache/llamp-servers/openai && ~/.cache/llamp-servers/openai/bin/pip install openai==3.57.0',
  find: async () =>
    answering(await locate({ relative: 'openai/bin/python' }), ['-c', 'import openai']),
  start: async ({ path }) => ({ address: path, stop: async () => undefined }),
};
