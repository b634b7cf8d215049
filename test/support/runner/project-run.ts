import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Project } from './run-options.ts';

export interface ProjectResult {
  readonly project: Project;
  readonly passed: number;
  readonly failed: number;
  /** `file: full name` of each test that did not run. */
  readonly skipped: readonly string[];
  /** Trouble that is no failed test: no tests at all, an unhandled error, a file that cannot be loaded. */
  readonly trouble?: string;
  readonly durationMs: number;
}

export interface ProjectRunOptions {
  readonly filters: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** For the machine-readable report. */
  readonly directory: string;
}

/** Runs one vitest project with its normal output and counts what it did. */
export async function runProject(
  project: Project,
  options: ProjectRunOptions,
): Promise<ProjectResult> {
  const startedAt = performance.now();
  const reportPath = join(options.directory, `${project}.json`);
  const exitCode = await runVitest(project, reportPath, options);
  const report = await readReport(reportPath);
  return {
    ...countTests(project, report, exitCode, options.filters),
    durationMs: performance.now() - startedAt,
  };
}

function runVitest(
  project: Project,
  reportPath: string,
  { filters, environment }: ProjectRunOptions,
): Promise<number> {
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json'];
  const child = spawn(
    resolve('node_modules/.bin/vitest'),
    [...args, `--outputFile.json=${reportPath}`, ...filters],
    { env: environment, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  return new Promise((done, reject) => {
    child.once('error', reject);
    child.once('close', (code) => done(code ?? 1));
  });
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

async function readReport(path: string): Promise<VitestReport | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as VitestReport);
}

/** Counts a report; the exit code tells about trouble that no test shows. */
export function countTests(
  project: Project,
  report: VitestReport | undefined,
  exitCode: number,
  filters: readonly string[],
): Omit<ProjectResult, 'durationMs'> {
  const files = report?.testResults ?? [];
  const tests = files.flatMap((file) =>
    file.assertionResults.map((test) => ({ ...test, file: relative('.', file.name) })),
  );
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const failed = tests.filter(({ status }) => status === 'failed').length;
  const skipped = tests
    .filter(({ status }) => status !== 'passed' && status !== 'failed')
    .map(({ file, fullName }) => `${file}: ${fullName}`);
  const counts = { project, passed, failed, skipped };

  const broken = files.filter((file) => file.status === 'failed' && !hasFailedTest(file));
  if (broken.length > 0)
    return { ...counts, failed: failed + broken.length, trouble: describeBroken(broken) };
  if (tests.length === 0) {
    // With a filter, a project without a matching file is no news; the whole run is checked for tests.
    return filters.length > 0 ? counts : { ...counts, failed: 1, trouble: 'no tests were found' };
  }
  if (exitCode === 0 || failed > 0) return counts;
  return {
    ...counts,
    failed: 1,
    trouble: `vitest ended with ${exitCode}: see its output for the error`,
  };
}

type ReportedFile = VitestReport['testResults'][number];

const hasFailedTest = (file: ReportedFile) =>
  file.assertionResults.some(({ status }) => status === 'failed');

const describeBroken = (files: readonly ReportedFile[]) =>
  files.map(({ name }) => `${relative('.', name)} failed outside its tests`).join('; ');
