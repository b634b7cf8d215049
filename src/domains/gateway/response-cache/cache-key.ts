import { hash } from 'node:crypto';
import type { Endpoint } from '../../models/index.ts';
import { isJsonObject, type JsonObject } from '../field-checks.ts';

/** One answer in JSON, or its events with or without the one about usage: none of them can stand for another. */
export type AnswerForm = 'json' | 'events' | 'events-with-usage';

export interface CacheKeySource {
  readonly projectId: string;
  readonly endpoint: Endpoint;
  readonly form: AnswerForm;
  readonly json: JsonObject;
  /** Of the dialect: they may change the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** They change who asks or how the answer is sent, not what it is. */
const IGNORED: ReadonlySet<string> = new Set(['user', 'stream', 'stream_options', 'metadata']);
const DEPTH_MAX = 64;

/** Undefined for a body that cannot be compared exactly. */
export function cacheKey(source: CacheKeySource): string | undefined {
  const { projectId, endpoint, form, json, headers = {} } = source;
  const fields = Object.entries(json).filter(([name]) => !IGNORED.has(name));
  const body = canonical(Object.fromEntries(fields), 0);
  if (body === undefined) return undefined;
  // As JSON, so that no part can reach into the next.
  const parts = JSON.stringify([projectId, endpoint, form, body, headers]);
  const digest = hash('sha256', parts, 'base64url');
  return `llamp:response:${digest}`;
}

/** Text that is the same for equal values, in whatever order the fields stand. */
function canonical(value: unknown, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return undefined;
  if (typeof value === 'number') return exactNumber(value);
  if (Array.isArray(value))
    return joined(
      '[',
      value.map((item) => canonical(item, depth + 1)),
      ']',
    );
  if (!isJsonObject(value)) return JSON.stringify(value);
  const fields = Object.keys(value)
    .sort()
    .map((key) => {
      const text = canonical(value[key], depth + 1);
      return text === undefined ? undefined : `${JSON.stringify(key)}:${text}`;
    });
  return joined('{', fields, '}');
}

function joined(open: string, parts: readonly (string | undefined)[], close: string) {
  return parts.includes(undefined) ? undefined : `${open}${parts.join(',')}${close}`;
}

/** Parsing has rounded larger ones, so different bodies would look alike. */
function exactNumber(value: number): string | undefined {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}
