import { askUpstream } from './ask-upstream.ts';
import { listedNames } from './listed-names.ts';

export interface LocalServer {
  readonly name: string;
  readonly title: string;
  readonly port: number;
}

/** Where these servers listen unless told otherwise. */
export const LOCAL_SERVERS: readonly LocalServer[] = [
  { name: 'ollama', title: 'Ollama', port: 11_434 },
  { name: 'vllm', title: 'vLLM', port: 8_000 },
  { name: 'lm-studio', title: 'LM Studio', port: 1_234 },
  { name: 'llama-cpp', title: 'llama.cpp', port: 8_080 },
];

export interface DetectedServer extends LocalServer {
  readonly baseUrl: string;
  readonly models: readonly string[];
}

export interface DetectOptions {
  readonly servers: readonly LocalServer[];
  /** Left out: it is ours. */
  readonly ownPort: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Servers of models on this machine that answer without a key, asked all at once. */
export async function detectServers(options: DetectOptions): Promise<DetectedServer[]> {
  const { servers, ownPort, timeoutMs, signal } = options;
  const candidates = servers.filter(({ port }) => port !== ownPort);
  const found = await Promise.all(
    candidates.map(async (server) => {
      const baseUrl = `http://127.0.0.1:${server.port}/v1`;
      const models = await namesAt(baseUrl, { timeoutMs, signal });
      return models === undefined ? [] : [{ ...server, baseUrl, models }];
    }),
  );
  signal?.throwIfAborted();
  return found.flat();
}

/** Undefined for whatever does not answer as such a server does: the port may belong to anything. */
async function namesAt(
  baseUrl: string,
  limits: { timeoutMs: number; signal?: AbortSignal },
): Promise<string[] | undefined> {
  try {
    const target = { url: new URL(`${baseUrl}/models`), headers: {} };
    const { status, body } = await askUpstream(target, limits);
    return status === 200 ? listedNames(body) : undefined;
  } catch {
    return undefined;
  }
}
