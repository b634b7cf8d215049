import { answering, locate } from './locate.ts';
import type { TestServer } from './test-server.ts';

/** Not servers: programs that read the Kubernetes chart. */
export const helmProgram: TestServer = {
  leg: 'helm',
  install: 'GOBIN=~/.cache/llamp-servers/bin go install helm.sh/helm/v4/cmd/helm@v4.3.1',
  find: async () =>
    answering(await locate({ name: 'helm', relative: 'bin/helm' }), ['version', '--short']),
  start: async ({ path }) => ({ address: path, stop: async () => undefined }),
};

export const kubernetesValidateProgram: TestServer = {
  leg: 'kubernetes-validate',
  install:
    'python3 -m venv ~/.cache/llamp-servers/kubernetes-validate && ~/.cache/llamp-servers/kubernetes-validate/bin/pip install kubernetes-validate==1.37.0',
  find: async () =>
    answering(await locate({ relative: 'kubernetes-validate/bin/kubernetes-validate' }), [
      '--help',
    ]),
  start: async ({ path }) => ({ address: path, stop: async () => undefined }),
};
