import type { Clock } from '../../../ports/clock.ts';
import type { Check } from './check.ts';
import type { DoctorContext } from './context.ts';
import { fail, type Finding, reasonOf, skip, type Status } from './finding.ts';
import type { Text } from './text.ts';

export interface CheckReport {
  readonly id: string;
  readonly title: Text;
  readonly status: Status;
  readonly found: Text;
  /** What to do; undefined where nothing has to be done. */
  readonly hint: Text | undefined;
  readonly durationMs: number;
}

const CHECK_TIMEOUT_MS = 10_000;

/**
 * Runs the checks side by side, each within its time, and reports in their order. A check whose needs are broken is
 * left out, so that one trouble has one name. Never rejects.
 */
export async function runChecks(
  checks: readonly Check[],
  context: DoctorContext,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<CheckReport[]> {
  const applicable = checks.filter((check) => check.appliesTo?.(context) !== false);
  const known = new Map(applicable.map((check) => [check.id, check]));
  const reports = new Map<string, Promise<CheckReport>>();
  const reportOf = (check: Check): Promise<CheckReport> => {
    const begun = reports.get(check.id);
    if (begun !== undefined) return begun;
    const report = afterNeeds(check).then((missing) => {
      if (missing === undefined) return timed(check, context, options);
      return { ...leftOut(check, missing), durationMs: 0 };
    });
    reports.set(check.id, report);
    return report;
  };
  const afterNeeds = async (check: Check): Promise<string | undefined> => {
    for (const id of check.needs ?? []) {
      const needed = known.get(id);
      if (needed === undefined) continue;
      const { status } = await reportOf(needed);
      if (status === 'fail' || status === 'skip') return id;
    }
    return undefined;
  };
  return Promise.all(applicable.map(reportOf));
}

/** The worst of them. */
export function overallStatus(reports: readonly Pick<CheckReport, 'status'>[]): Status {
  const severity: readonly Status[] = ['fail', 'warn', 'ok'];
  return severity.find((status) => reports.some((report) => report.status === status)) ?? 'ok';
}

async function timed(
  check: Check,
  context: DoctorContext,
  { timeoutMs = CHECK_TIMEOUT_MS, signal }: { timeoutMs?: number; signal?: AbortSignal },
): Promise<CheckReport> {
  const { clock } = context;
  const startedMs = clock.monotonicMs();
  const finding = await within(check, context, { timeoutMs, signal, clock });
  return {
    ...reported(check, finding),
    durationMs: Math.round(clock.monotonicMs() - startedMs),
  };
}

// A check that ignores its signal must not hold up the others.
async function within(
  check: Check,
  context: DoctorContext,
  { timeoutMs, signal, clock }: { timeoutMs: number; signal?: AbortSignal; clock: Clock },
): Promise<Finding> {
  const controller = new AbortController();
  const ended =
    signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]);
  const expired = clock.sleep(timeoutMs, controller.signal).then(
    () => fail(`no answer within ${timeoutMs} ms`, `${timeoutMs} 毫秒内没有结果`),
    (reason: unknown) => {
      throw reason;
    },
  );
  // Aborted when the check was faster.
  expired.catch(() => undefined);
  const running = check.run(context, ended).catch((error: unknown) => unexpected(error));
  try {
    return await Promise.race([running, expired]);
  } finally {
    controller.abort(new Error('the check is over'));
  }
}

function unexpected(error: unknown): Finding {
  const reason = reasonOf(error);
  return fail(`could not be looked at: ${reason}`, `无法检查：${reason}`);
}

function leftOut(check: Check, need: string): Omit<CheckReport, 'durationMs'> {
  const finding = skip(`needs ${need}`, `需要先通过 ${need}`);
  return reported(check, finding);
}

function reported(check: Check, { status, found, hint }: Finding): Omit<CheckReport, 'durationMs'> {
  const isTrouble = status === 'warn' || status === 'fail';
  return {
    id: check.id,
    title: check.title,
    status,
    found,
    hint: isTrouble ? (hint ?? check.hint) : undefined,
  };
}
