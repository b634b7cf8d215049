import { answering, locate } from './locate.ts';
import type { TestServer } from './test-server.ts';

/** Not a server: Anthropic's Python library, which acceptance tests drive as a client would. */
export const pythonAnthropicClient: TestServer = {
  leg: 'anthropic-python',
  install:
    'python3 -m venv ~/.cache/llamp-servers/anthropic && ~/.cache/llamp-servers/anthropic/bin/pip install anthropic==2.13.0',
  find: async () =>
    answering(await locate({ relative: 'anthropic/bin/python' }), ['-c', 'import anthropic']),
  start: async ({ path }) => ({ address: path, stop: async () => undefined }),
};
