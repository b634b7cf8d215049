import { Pool } from 'undici';
import type { UpstreamEndpoint } from './model.ts';

export interface ListedModel {
  readonly name: string;
  readonly created: number | undefined;
  readonly ownedBy: string | undefined;
}

/** What an upstream answered to `GET /models`. */
export type ModelListAnswer =
  | { readonly kind: 'listed'; readonly models: readonly ListedModel[] }
  /** It answers, but gives no list, as many do that serve calls all the same: every name may exist. */
  | { readonly kind: 'refused'; readonly status: number };

export interface ModelListReader {
  /** Rejects with a sentence that names the reason. */
  read(signal: AbortSignal): Promise<ModelListAnswer>;
  close(): Promise<void>;
}

const MODELS_MAX = 10_000;
const BODY_BYTES_MAX = 16 * 1024 * 1024;

export function modelListReader(endpoint: UpstreamEndpoint, timeoutMs: number): ModelListReader {
  const url = new URL(`${endpoint.baseUrl}/models`);
  const pool = new Pool(url.origin, {
    connections: 1,
    connectTimeout: timeoutMs,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: BODY_BYTES_MAX,
    allowH2: false,
  });
  const headers: Record<string, string> = { accept: 'application/json' };
  if (endpoint.apiKey !== undefined) headers['authorization'] = `Bearer ${endpoint.apiKey}`;
  return {
    read: async (signal) => {
      const path = url.pathname + url.search;
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const answer = await pool.request({ method: 'GET', path, headers, signal: bounded });
      const text = await answer.body.text();
      const status = answer.statusCode;
      if (refusesList(status)) return { kind: 'refused', status };
      if (status !== 200) throw statusError(status);
      return { kind: 'listed', models: listedModels(text) };
    },
    close: () => pool.destroy(),
  };
}

/** Refuses the route as such; 401 is about every call, 408 and 429 are about the moment. */
function refusesList(status: number): boolean {
  const passing = status === 401 || status === 408 || status === 429;
  return status === 501 || (status >= 400 && status < 500 && !passing);
}

/** The sentence for people about a status that is no list. */
export function statusError(status: number): Error {
  const credential = status === 401 || status === 403;
  return new Error(
    credential
      ? `the upstream refused its credential (status ${status})`
      : `the upstream answered GET /models with status ${status}`,
  );
}

function listedModels(text: string): ListedModel[] {
  const entries = entriesOf(text);
  if (entries === undefined)
    throw new Error('the upstream answered GET /models with something that is no model list');
  return entries.slice(0, MODELS_MAX).flatMap((entry) => {
    if (typeof entry !== 'object' || entry === null || !('id' in entry)) return [];
    if (typeof entry.id !== 'string' || entry.id === '') return [];
    const created = 'created' in entry && Number.isFinite(entry.created) ? entry.created : null;
    const owner = 'owned_by' in entry && typeof entry.owned_by === 'string' ? entry.owned_by : null;
    return [
      {
        name: entry.id,
        created: typeof created === 'number' ? wholeSeconds(created) : undefined,
        ownedBy: owner ?? undefined,
      },
    ];
  });
}

function entriesOf(text: string): unknown[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Some servers answer the bare array.
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null || !('data' in value)) return undefined;
  return Array.isArray(value.data) ? value.data : undefined;
}

// Seen in the wild: fractions of seconds, and milliseconds.
function wholeSeconds(created: number): number {
  return Math.max(0, Math.floor(created > 100_000_000_000 ? created / 1000 : created));
}
