import { type OutboundGuard, OutboundRefusedError } from '../../../lib/outbound-guard/index.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { UpstreamEndpoint } from '../model.ts';
import type { ConfigurableKind } from '../schemas.ts';
import { askUpstream } from './ask-upstream.ts';
import { listTarget } from './list-target.ts';
import { listedNames } from './listed-names.ts';

export type ProviderTestOutcome =
  | 'ok'
  | 'unreachable'
  | 'timeout'
  | 'credential_refused'
  /** It answers but lists no models, as some do that serve calls all the same. */
  | 'no_list'
  | 'failed';

export interface ProviderTest {
  readonly outcome: ProviderTestOutcome;
  /** One sentence for people; it never holds what the upstream sent, which may quote the credential. */
  readonly message: string;
  /** Null when nothing was answered. */
  readonly status: number | null;
  readonly durationMs: number;
  readonly models: readonly string[];
}

interface TestServices {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** For endpoints that users set. */
  readonly guard: OutboundGuard;
}

/** Asks an upstream for its models. Never rejects for what the upstream does. */
export async function testProvider(
  kind: ConfigurableKind,
  endpoint: UpstreamEndpoint,
  { clock, timeoutMs, signal, guard }: TestServices,
): Promise<ProviderTest> {
  const startedMs = clock.monotonicMs();
  const target = listTarget(kind, endpoint, clock.now());
  const ask = async () => {
    const connect = endpoint.isUserSet === true ? guard.connectOptions(target.url) : undefined;
    return askUpstream(target, { timeoutMs, signal, connect });
  };
  const result = await ask().then(
    ({ status, body }) => ({ status, ...judged(status, body) }),
    (error: unknown) => {
      signal?.throwIfAborted();
      return { status: null, models: [], ...unanswered(error, timeoutMs) };
    },
  );
  return { ...result, durationMs: Math.round(clock.monotonicMs() - startedMs) };
}

function judged(
  status: number,
  body: string,
): Pick<ProviderTest, 'outcome' | 'message' | 'models'> {
  const models = status === 200 ? listedNames(body) : undefined;
  if (models !== undefined)
    return { outcome: 'ok', message: `The upstream lists ${models.length} models.`, models };
  if (status === 401 || status === 403)
    return {
      outcome: 'credential_refused',
      message: `The upstream refused the credential (status ${status}).`,
      models: [],
    };
  if (status === 200 || status === 404 || status === 405 || status === 501)
    return {
      outcome: 'no_list',
      message: `The upstream answers (status ${status}) but with no list of models; check base_url.`,
      models: [],
    };
  return { outcome: 'failed', message: `The upstream answered with status ${status}.`, models: [] };
}

function unanswered(error: unknown, timeoutMs: number): Pick<ProviderTest, 'outcome' | 'message'> {
  if (error instanceof OutboundRefusedError)
    return { outcome: 'unreachable', message: `${error.place} is not allowed for upstreams.` };
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const isLate =
    (error instanceof Error && error.name === 'TimeoutError') || code?.endsWith('_TIMEOUT');
  if (isLate === true)
    return { outcome: 'timeout', message: `The upstream did not answer within ${timeoutMs} ms.` };
  const reason = code === undefined ? '' : ` (${code})`;
  return { outcome: 'unreachable', message: `The upstream cannot be reached${reason}.` };
}
