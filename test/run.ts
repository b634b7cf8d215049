import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killLeftovers, RUN_MARKER } from './support/runner/leftovers.ts';
import {
  type LegInUse,
  legsTable,
  legVariables,
  missingLegs,
  startLegs,
} from './support/runner/legs-in-use.ts';
import { type ProjectResult, runProject } from './support/runner/project-run.ts';
import { parseRunOptions, type RunOptions, USAGE } from './support/runner/run-options.ts';
import { type CheckResult, runStaticChecks } from './support/runner/static-checks.ts';
import { countFailures, summary } from './support/runner/summary.ts';
import { testEnvironment } from './support/runner/test-environment.ts';
import { ALL_SERVERS } from './support/servers/all-servers.ts';

const EXIT_USAGE = 2;
const runId = randomUUID();
const directory = mkdtempSync(join(tmpdir(), 'llamp-test-'));
const print = (text: string) => process.stdout.write(`${text}\n`);

cleanUpAtExit();
process.exit(await main());

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return EXIT_USAGE;
  const environment = testEnvironment(process.env, { [RUN_MARKER]: runId });
  Object.assign(process.env, { [RUN_MARKER]: runId });

  const [checks, legs] = await Promise.all([
    options.staticChecks ? runStaticChecks(environment) : [],
    startLegs(ALL_SERVERS, options.legs, directory),
  ]);
  print(legsTable(legs));
  printFailedChecks(checks);
  const missing = options.legsRequired ? missingLegs(legs) : undefined;
  if (missing !== undefined) return fail(missing);

  const projects = await runProjects(options, { ...environment, ...legVariables(legs) });
  await Promise.all(legs.map((leg: LegInUse) => leg.stop()));
  const leftovers = killLeftovers(runId).map(({ pid, command }) => `${pid} ${command}`);

  const result = { checks, projects, leftovers };
  print(summary(result));
  return countFailures(result) === 0 ? 0 : 1;
}

function readOptions(): RunOptions | undefined {
  try {
    return parseRunOptions(process.argv.slice(2), process.env);
  } catch (error) {
    print(`${(error as Error).message}\n\n${USAGE}`);
    return undefined;
  }
}

// One project after the other: each has the whole machine, and its output is readable.
async function runProjects(
  { projects, filters }: RunOptions,
  environment: NodeJS.ProcessEnv,
): Promise<ProjectResult[]> {
  const results: ProjectResult[] = [];
  for (const project of projects) {
    print(`\n── ${project} ──`);
    results.push(await runProject(project, { filters, environment, directory }));
  }
  return results;
}

function printFailedChecks(checks: readonly CheckResult[]): void {
  for (const { name, passed, output } of checks) {
    if (!passed) print(`\n${name} failed:\n${output}`);
  }
}

function fail(reason: string): number {
  print(`\n${reason}\n\n0 passed, 1 failed`);
  return 1;
}

// Everything in here is synchronous: it also runs when a signal ends the runner.
function cleanUpAtExit(): void {
  chmodSync(directory, 0o711);
  process.once('exit', () => {
    killLeftovers(runId);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(130));
  }
}
