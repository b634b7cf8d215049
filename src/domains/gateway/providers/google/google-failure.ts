import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import type { FailedAnswer } from '../openai-compatible/map-failure.ts';

const KEY_REASONS: ReadonlySet<unknown> = new Set(['API_KEY_INVALID', 'API_KEY_EXPIRED']);

/** Google calls a wrong key a wrong argument, and writes the time to wait into the body. */
export function readGoogleFailure(answer: FailedAnswer): FailedAnswer {
  const details = detailsOf(answer.body);
  if (details.some((detail) => KEY_REASONS.has(detail['reason'])))
    return { ...answer, status: 401 };
  const seconds = details.map(secondsOf).find((found) => found !== undefined);
  if (seconds === undefined || 'retry-after' in answer.headers) return answer;
  return { ...answer, headers: { ...answer.headers, 'retry-after': seconds } };
}

/** `"34s"` or `"0.8s"`. */
function secondsOf({ retryDelay }: JsonObject): string | undefined {
  return typeof retryDelay === 'string' ? /^(\d+(?:\.\d+)?)s$/.exec(retryDelay)?.[1] : undefined;
}

function detailsOf(body: string): readonly JsonObject[] {
  try {
    const json: unknown = JSON.parse(body);
    const error = isJsonObject(json) ? json['error'] : undefined;
    const details = isJsonObject(error) ? error['details'] : undefined;
    return Array.isArray(details) ? details.filter(isJsonObject) : [];
  } catch {
    return [];
  }
}
