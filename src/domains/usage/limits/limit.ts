export const LIMIT_SCOPES = ['organization', 'project', 'api_key', 'user', 'model'] as const;
export type LimitScope = (typeof LIMIT_SCOPES)[number];

export const LIMIT_KINDS = ['requests', 'tokens', 'parallel', 'money'] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

export const LIMIT_PERIODS = ['minute', 'day', 'month', 'total'] as const;
export type LimitPeriod = (typeof LIMIT_PERIODS)[number];

/** A row of `limits`. */
export interface LimitRow {
  readonly id: string;
  readonly organization_id: string;
  readonly scope: LimitScope;
  readonly scope_id: string;
  /** Only calls to this model count; null: all of them. */
  readonly model: string | null;
  readonly kind: LimitKind;
  /** Requests, tokens, calls at once, or millionths of the currency. */
  readonly amount: number;
  readonly period: LimitPeriod | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** The present window of a budget. */
export interface BudgetWindow {
  readonly start: Date;
  /** Infinity for a total. */
  readonly endMs: number;
}

/** Days and months are those of UTC. */
export function budgetWindow(period: LimitPeriod | null, now: Date): BudgetWindow {
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  if (period === 'day') {
    return { start: new Date(Date.UTC(year, month, day)), endMs: Date.UTC(year, month, day + 1) };
  }
  if (period === 'month') {
    return { start: new Date(Date.UTC(year, month, 1)), endMs: Date.UTC(year, month + 1, 1) };
  }
  return { start: new Date(0), endMs: Number.POSITIVE_INFINITY };
}

/** The object of the management API. */
export function limitObject(limit: LimitRow, spentMicros?: number) {
  return {
    object: 'limit' as const,
    id: limit.id,
    scope: limit.scope,
    scope_id: limit.scope_id,
    model: limit.model,
    kind: limit.kind,
    amount: limit.amount,
    period: limit.period,
    created_at: Math.floor(limit.created_at.getTime() / 1000),
    updated_at: Math.floor(limit.updated_at.getTime() / 1000),
    ...(spentMicros === undefined ? {} : { spent: spentMicros }),
  };
}
