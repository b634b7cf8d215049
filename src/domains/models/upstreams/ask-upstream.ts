import { Pool } from 'undici';
import type { ConnectOptions } from '../../../lib/outbound-guard/index.ts';

export interface AskTarget {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

export interface AskAnswer {
  readonly status: number;
  readonly body: string;
}

export interface AskLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Checks where the connection leads. */
  readonly connect?: ConnectOptions;
}

const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** One GET over a connection of its own, which is closed again. Rejects when nobody answers in time. */
export async function askUpstream(
  { url, headers }: AskTarget,
  { timeoutMs, signal, connect }: AskLimits,
): Promise<AskAnswer> {
  const pool = new Pool(url.origin, {
    connections: 1,
    connect: { timeout: timeoutMs, ...connect },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: BODY_BYTES_MAX,
    allowH2: false,
  });
  try {
    const timeout = AbortSignal.timeout(timeoutMs);
    const answer = await pool.request({
      method: 'GET',
      path: url.pathname + url.search,
      headers: { accept: 'application/json', ...headers },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    return { status: answer.statusCode, body: await answer.body.text() };
  } finally {
    await pool.destroy();
  }
}
