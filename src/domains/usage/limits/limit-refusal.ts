import type { AppError } from '../../../lib/app-error.ts';
import type { ReserveAnswer } from '../../../ports/ephemeral-store.ts';
import { usageError } from '../errors.ts';
import type { LimitKind, LimitRow, LimitScope } from './limit.ts';
import { durationText, limitHeaders } from './limit-headers.ts';
import type { PlannedReservation } from './plan-reservations.ts';

const SCOPE_WORDS: Readonly<Record<LimitScope, string>> = {
  organization: 'organization',
  project: 'project',
  api_key: 'API key',
  user: 'user',
  model: 'model',
};

const KIND_WORDS: Readonly<Record<LimitKind, string>> = {
  requests: 'requests per min (RPM)',
  tokens: 'tokens per min (TPM)',
  parallel: 'parallel requests',
  money: 'money',
};

/** The error for a call that a limit refused. */
export function limitRefusal(
  plan: readonly PlannedReservation[],
  answer: Extract<ReserveAnswer, { outcome: 'refused' }>,
  model: string,
): AppError {
  const headers = limitHeaders(plan, answer.counters);
  const retryAfterMs = answer.retryAfterMs ?? undefined;
  const refused = plan[answer.refused];
  if (refused === undefined) {
    return usageError('rate_limit_exceeded', 'Rate limit reached.', { headers, retryAfterMs });
  }
  const { limit, reservation } = refused;
  if (limit.kind === 'money') {
    return usageError('insufficient_quota', budgetMessage(limit, retryAfterMs), {
      headers,
      retryAfterMs,
      type: 'insufficient_quota',
    });
  }
  const requested = reservation.kind === 'slot' ? 1 : reservation.amount;
  const remaining = answer.counters[answer.refused]?.remaining ?? 0;
  const message = rateMessage({ limit, requested, remaining, model, retryAfterMs });
  return usageError('rate_limit_exceeded', message, { headers, retryAfterMs });
}

function budgetMessage(limit: LimitRow, retryAfterMs: number | undefined): string {
  const scope = SCOPE_WORDS[limit.scope];
  const period = limit.period === 'total' ? '' : ` for this ${limit.period}`;
  if (retryAfterMs === undefined) return `The budget of the ${scope}${period} is used up.`;
  return `What is left of the budget of the ${scope}${period} is held by calls that still run.`;
}

function rateMessage(refusal: {
  limit: LimitRow;
  requested: number;
  remaining: number;
  model: string;
  retryAfterMs: number | undefined;
}): string {
  const { limit, requested, remaining, model, retryAfterMs } = refusal;
  const { amount, scope } = limit;
  const kind = KIND_WORDS[limit.kind];
  const facts = `Limit ${amount}, Used ${Math.max(0, amount - remaining)}, Requested ${requested}.`;
  if (retryAfterMs === undefined) {
    return `Request too large for ${model} on ${kind} of the ${SCOPE_WORDS[scope]}: ${facts}`;
  }
  const wait = `Please try again in ${durationText(retryAfterMs)}.`;
  return `Rate limit reached for ${model} on ${kind} of the ${SCOPE_WORDS[scope]}: ${facts} ${wait}`;
}
