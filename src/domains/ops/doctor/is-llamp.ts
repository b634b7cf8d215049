import { request } from 'undici';

const TIMEOUT_MS = 2_000;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a server that listens on `host` is asked: nobody connects to "all addresses". */
export function urlOf({ host, port }: Address): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** Whether a Llamp answers there. */
export async function isLlamp(address: Address, signal?: AbortSignal): Promise<boolean> {
  const text = await textOf(`${urlOf(address)}/health`, signal);
  return text !== undefined && /"version":/.test(text) && /"checks":/.test(text);
}

/** Whether metrics of a Llamp are there. */
export async function servesMetrics(address: Address, signal?: AbortSignal): Promise<boolean> {
  return (await textOf(`${urlOf(address)}/metrics`, signal))?.includes('llamp_') === true;
}

async function textOf(url: string, signal?: AbortSignal): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const answer = await request(url, {
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    return await answer.body.text();
  } catch {
    // Whatever is there, it is no HTTP server that answers.
    return undefined;
  }
}
