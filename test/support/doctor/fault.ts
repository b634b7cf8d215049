import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../src/adapters/clock/system.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { ConfigError, type Mistake } from '../../../src/config/mistakes.ts';
import { doctorContext } from '../../../src/doctor-context.ts';
import {
  CHECKS,
  CHECKS_WITHOUT_CONFIGURATION,
  type CheckReport,
  type DoctorOptions,
  type FolderState,
  type Host,
  type Probes,
  runChecks,
} from '../../../src/domains/ops/doctor/index.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { openProbes } from '../../../src/open-probes.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { temporaryFolder } from '../database-template.ts';

/** One thing that is wrong with an installation. */
export interface Fault {
  readonly name: string;
  /** The check that has to name it. */
  readonly check: string;
  readonly status: 'warn' | 'fail';
  readonly env?: Readonly<Record<string, string>>;
  seed?(place: Place): Promise<Change | undefined> | Change | undefined;
}

export interface Place {
  readonly dataDirectory: string;
  /** For files beside the data folder. */
  readonly folder: string;
  /** Undone at the end, last first. */
  defer(undo: () => unknown): void;
}

/** What is other than usual when the checks run. */
export interface Change {
  readonly env?: Readonly<Record<string, string>>;
  readonly host?: Partial<Host>;
  readonly probes?: Partial<Probes>;
  readonly clock?: Clock;
  readonly folder?: FolderState;
  readonly options?: Partial<DoctorOptions>;
}

/** Seeds a fault in an installation of its own and looks at it. */
export async function examined(
  env: Readonly<Record<string, string>>,
  fault?: Pick<Fault, 'env' | 'seed'>,
): Promise<CheckReport[]> {
  const folder = temporaryFolder('doctor');
  const undos: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const dataDirectory = join(folder, 'data');
  mkdirSync(dataDirectory, { mode: 0o700 });
  try {
    const place = { dataDirectory, folder, defer: (undo: () => unknown) => void undos.push(undo) };
    const change = (await fault?.seed?.(place)) ?? {};
    const variables = { LLAMP_DATA_DIR: dataDirectory, LLAMP_PORT: '0', ...env };
    return await report({ ...variables, ...fault?.env, ...change.env }, change);
  } finally {
    for (const undo of undos.toReversed()) await undo();
  }
}

async function report(env: Record<string, string>, change: Change): Promise<CheckReport[]> {
  const { config, mistakes } = configurationOf(env);
  const { probes, close } = openProbes(config, silentLog);
  try {
    const context = doctorContext(config, {
      env,
      mistakes,
      clock: change.clock ?? systemClock,
      probes: { ...probes, ...change.probes },
      folder: change.folder ?? { state: 'free' },
      options: change.options,
    });
    const host = { ...context.host, ...ROOMY, ...change.host };
    const checks = mistakes.length > 0 ? CHECKS_WITHOUT_CONFIGURATION : CHECKS;
    return await runChecks(checks, { ...context, host });
  } finally {
    await close();
  }
}

const GIBIBYTE = 1024 ** 3;

// The machine of the tests must not be blamed for what it is.
const ROOMY: Partial<Host> = {
  memory: () => ({ limitBytes: 4 * GIBIBYTE, heapLimitBytes: 2 * GIBIBYTE }),
  openFilesMax: async () => 65_536,
  disk: async () => ({
    freeBytes: 50 * GIBIBYTE,
    totalBytes: 100 * GIBIBYTE,
    freeInodes: 900,
    totalInodes: 1_000,
  }),
};

function configurationOf(env: Record<string, string>) {
  try {
    return { config: loadConfig(env), mistakes: [] as readonly Mistake[] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: loadConfig({}), mistakes: error.mistakes };
  }
}

/** The same clock, but so much later. */
export function laterClock(byMs: number): Clock {
  return { ...systemClock, now: () => new Date(systemClock.now().getTime() + byMs) };
}

/** Ids of the checks with a status. */
export const named = (reports: readonly CheckReport[], status: CheckReport['status']) =>
  reports.filter((each) => each.status === status).map(({ id }) => id);

/** What they say, for the message of a failing test. */
export const told = (reports: readonly CheckReport[]) =>
  reports
    .filter(({ status }) => status !== 'ok')
    .map(({ id, status, found }) => `${status} ${id}: ${found.en}`)
    .join('\n');
