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
  /** It has no such route: every name may exist. */
  | { readonly kind: 'unsupported' };

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
      if (answer.statusCode === 404 || answer.statusCode === 405) return { kind: 'unsupported' };
      if (answer.statusCode === 401 || answer.statusCode === 403)
        throw new Error(`the upstream refused its credential (status ${answer.statusCode})`);
      if (answer.statusCode !== 200)
        throw new Error(`the upstream answered GET /models with status ${answer.statusCode}`);
      return { kind: 'listed', models: listedModels(text) };
    },
    close: () => pool.destroy(),
  };
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
