import type { ProjectResult } from './project-run.ts';
import type { CheckResult } from './static-checks.ts';

export interface RunResult {
  readonly checks: readonly CheckResult[];
  readonly projects: readonly ProjectResult[];
  /** Processes that tests left behind: each counts as a failure. */
  readonly leftovers: readonly string[];
}

/** What failed in the whole run; 0 means success. A run without any passed test is a failure. */
export function countFailures({ checks, projects, leftovers }: RunResult): number {
  const inChecks = checks.filter(({ passed }) => !passed).length;
  const inTests = projects.reduce((sum, { failed }) => sum + failed, 0);
  const noTest = projects.every(({ passed, failed }) => passed + failed === 0) ? 1 : 0;
  return inChecks + inTests + leftovers.length + noTest;
}

/** The last lines of a run; the very last is the one that build servers read. */
export function summary(result: RunResult): string {
  const passed = result.projects.reduce((sum, project) => sum + project.passed, 0);
  const skipped = result.projects.flatMap((project) => project.skipped);
  const failed = countFailures(result);
  return [
    ...skippedLines(skipped),
    '',
    ...result.checks.map(checkLine),
    ...result.projects.map(projectLine),
    ...result.leftovers.map((command) => `  left running by a test: ${command}`),
    '',
    `${passed} passed, ${failed} failed${skipped.length === 0 ? '' : `, ${skipped.length} skipped`}`,
  ].join('\n');
}

function skippedLines(skipped: readonly string[]): string[] {
  if (skipped.length === 0) return [];
  return [
    '',
    'Skipped ([needs …] names the servers that are not there):',
    ...skipped.map((name) => `  ${name}`),
  ];
}

const checkLine = ({ name, passed, durationMs }: CheckResult) =>
  `  ${name.padEnd(16)} ${passed ? 'passed' : 'FAILED'}  (${seconds(durationMs)})`;

const projectLine = ({ project, passed, failed, skipped, trouble, durationMs }: ProjectResult) =>
  `  ${project.padEnd(16)} ${passed} passed, ${failed} failed, ${skipped.length} skipped  (${seconds(durationMs)})` +
  (trouble === undefined ? '' : `  ${trouble}`);

const seconds = (durationMs: number) => `${(durationMs / 1000).toFixed(1)} s`;
