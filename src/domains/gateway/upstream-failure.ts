import { AppError, type AppErrorDetails } from '../../lib/app-error.ts';
import { GATEWAY_ERRORS, type GatewayErrorCode } from './errors.ts';

/** Label of the metric `llamp_upstream_requests_total`. */
export type UpstreamOutcome =
  | 'ok'
  | '4xx'
  | '429'
  | '5xx'
  | 'timeout'
  | 'reset'
  | 'unreachable'
  | 'garbage'
  | 'overloaded'
  | 'aborted'
  | 'truncated';

/** An attempt that failed, as the client would be told about it. `retryable` means that another attempt may help. */
export class UpstreamFailure extends AppError {
  readonly outcome: UpstreamOutcome;
  /** `headers` of the upstream are those that the client may see with the error. */
  constructor(
    outcome: UpstreamOutcome,
    details: AppErrorDetails,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super({ ...details, headers });
    this.name = 'UpstreamFailure';
    this.outcome = outcome;
  }
}

/** A failure with a code of the gateway's own table. */
export function failure(
  outcome: UpstreamOutcome,
  code: GatewayErrorCode,
  details: Omit<AppErrorDetails, 'code' | 'status'>,
): UpstreamFailure {
  return new UpstreamFailure(outcome, { code, status: GATEWAY_ERRORS[code].status, ...details });
}

export function garbage(message: string, cause?: unknown): UpstreamFailure {
  return failure('garbage', 'upstream_error', { message, retryable: true, cause });
}

export function timedOut(what: string, timeoutMs: number): UpstreamFailure {
  return failure('timeout', 'upstream_timeout', {
    message: `The upstream did not ${what} within ${timeoutMs} ms.`,
  });
}
