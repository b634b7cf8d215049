import type { Status } from './finding.ts';
import { type CheckReport, overallStatus } from './run-checks.ts';
import type { Language } from './text.ts';

/** A check in one language, as the API and `--json` show it. */
export interface CheckObject {
  readonly id: string;
  readonly title: string;
  readonly status: Status;
  readonly found: string;
  /** What to do; null when nothing has to be done. */
  readonly hint: string | null;
  readonly duration_ms: number;
}

export interface ReportObject {
  readonly object: 'doctor_report';
  /** The worst of the checks. */
  readonly status: Status;
  readonly checks: readonly CheckObject[];
}

export function checkObject(report: CheckReport, language: Language): CheckObject {
  const { id, title, status, found, hint, durationMs } = report;
  return {
    id,
    title: title[language],
    status,
    found: found[language],
    hint: hint?.[language] ?? null,
    duration_ms: durationMs,
  };
}

export function reportObject(checks: readonly CheckObject[]): ReportObject {
  return { object: 'doctor_report', status: overallStatus(checks), checks };
}
