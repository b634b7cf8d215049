import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deserialize } from 'node:v8';
import { diskAfterCut, type NameSafety, type UnsyncedData } from './disk-after-cut.ts';
import { writeDiskImage } from './disk-image.ts';
import type { FileOperation } from './file-operation.ts';
import { seededRandom } from './seeded-random.ts';

const run = promisify(execFile);
const childFile = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const RECORD_TIMEOUT_MS = 300_000;
const CHECK_TIMEOUT_MS = 60_000;

/** `plain` is PGlite as it comes; `durable` is ours. */
export type EngineName = 'plain' | 'durable';

export interface Recording {
  /** The database folder before the recording began. */
  readonly base: string;
  readonly operations: readonly FileOperation[];
}

/** Runs the workload on a copy of `template` in a process of its own and records what it does to the disk. */
export async function recordWorkload(options: {
  readonly engine: EngineName;
  readonly template: string;
  readonly folder: string;
  readonly transactions: number;
}): Promise<Recording> {
  const live = join(options.folder, `${options.engine}-live`);
  const output = join(options.folder, `${options.engine}.recording`);
  fs.cpSync(options.template, live, { recursive: true });
  const parameters = [options.engine, live, output, String(options.transactions)];
  await run(process.execPath, [childFile('record-process.ts'), ...parameters], {
    timeout: RECORD_TIMEOUT_MS,
  });
  const operations = deserialize(fs.readFileSync(output)) as FileOperation[];
  fs.rmSync(output);
  fs.rmSync(live, { recursive: true });
  return { base: options.template, operations };
}

export interface CutPlan {
  readonly data: UnsyncedData;
  readonly names: NameSafety;
  readonly seed: number;
}

export interface CutResult {
  readonly cut: number;
  readonly acknowledged: number;
  /** Null when everything acknowledged was there and agreed. */
  readonly problem: string | null;
}

/** Cuts the power once at a random moment, restores the disk and looks at the database. */
export async function cutPower(
  recording: Recording,
  plan: CutPlan,
  folder: string,
): Promise<CutResult> {
  const random = seededRandom(plan.seed);
  const { operations } = recording;
  const cut = chooseCut(operations, random);
  const target = join(folder, `cut-${plan.seed}`);
  writeDiskImage(recording.base, diskAfterCut(operations, { ...plan, cut, random }), target);
  const acknowledged = acknowledgedBefore(operations, cut);
  try {
    return { cut, acknowledged, problem: await problemIn(target, acknowledged) };
  } finally {
    fs.rmSync(target, { recursive: true, force: true });
  }
}

function acknowledgedBefore(operations: readonly FileOperation[], cut: number): number {
  let acknowledged = 0;
  for (const operation of operations.slice(0, cut))
    if (operation.kind === 'mark' && operation.mark.kind === 'acknowledged')
      acknowledged = operation.mark.sequence;
  return acknowledged;
}

// Half anywhere, a fifth right after an answer (when a promise is freshest), the rest inside maintenance (when
// files are rewritten). Before the first answer there is nothing to lose.
function chooseCut(operations: readonly FileOperation[], random: () => number): number {
  const marks = operations.flatMap((operation, index) =>
    operation.kind === 'mark' ? [{ index, kind: operation.mark.kind }] : [],
  );
  const indexesOf = (kind: string) =>
    marks.filter((mark) => mark.kind === kind).map((mark) => mark.index);
  const acknowledged = indexesOf('acknowledged');
  const first = acknowledged[0] ?? 0;
  const between = (low: number, high: number) => low + 1 + Math.floor(random() * (high - low));
  const pick = (indexes: readonly number[]) => Math.floor(random() * indexes.length);
  const kind = random();
  if (kind < 0.5) return between(first, operations.length - 1);
  if (kind < 0.7) return (acknowledged[pick(acknowledged)] ?? 0) + 1;
  const [begins, ends] = [indexesOf('maintenance-begins'), indexesOf('maintenance-ends')];
  const chosen = pick(begins);
  return between(begins[chosen] ?? first, ends[chosen] ?? operations.length - 1);
}

async function problemIn(directory: string, acknowledged: number): Promise<string | null> {
  try {
    const { stdout } = await run(
      process.execPath,
      [childFile('check-process.ts'), directory, String(acknowledged)],
      { timeout: CHECK_TIMEOUT_MS, killSignal: 'SIGKILL' },
    );
    return (JSON.parse(stdout) as { problem: string | null }).problem;
  } catch (error) {
    return `the check died: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
  }
}
