import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import type { Entrant, Running, Surroundings } from './entrants.ts';
import { type Load, type LoadResult, runLoad } from './load.ts';
import { groupUsage, loadAverage } from './process-usage.ts';
import { MODELS } from './scripted-answers.ts';

/** One cell of the table: a load, repeated for every entrant. */
export interface Cell {
  readonly kind: Load['kind'];
  readonly model: string;
  readonly connections: number;
}

export const CELLS = {
  'calls-1': { kind: 'calls', model: MODELS.small, connections: 1 },
  'calls-16': { kind: 'calls', model: MODELS.small, connections: 16 },
  'calls-64': { kind: 'calls', model: MODELS.small, connections: 64 },
  'calls-10k': { kind: 'calls', model: MODELS.middle, connections: 16 },
  'calls-100k': { kind: 'calls', model: MODELS.large, connections: 16 },
  'streams-1': { kind: 'streams', model: MODELS.stream, connections: 1 },
  'streams-16': { kind: 'streams', model: MODELS.stream, connections: 16 },
  'paced-512': { kind: 'paced', model: MODELS.paced, connections: 512 },
} as const satisfies Record<string, Cell>;

export type CellName = keyof typeof CELLS;

export interface CellResult extends LoadResult {
  /** Of the entrant's processes, for each answer. */
  readonly cpuUs: number;
}

export interface Measurement {
  readonly startedSeconds: number;
  readonly idleMib: number;
  readonly loadedMib: number;
  readonly cells: Readonly<Partial<Record<CellName, CellResult>>>;
  /** What the upstream answered, and the rows that say so; undefined where none are kept. */
  readonly answered: number;
  readonly rows: number | undefined;
  readonly loadAverage: number;
}

export interface Plan {
  readonly cells: readonly CellName[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

const ROWS_TIMEOUT_MS = 15_000;
const SETTLE_MS = 1_000;

/** Starts an entrant, warms it up, takes every cell, and ends it. */
export async function measure(
  entrant: Entrant,
  surroundings: Surroundings,
  plan: Plan,
): Promise<Measurement> {
  const answeredBefore = await answersOf(surroundings.upstreamPort);
  const startMs = performance.now();
  const directory = await mkdtemp(join(surroundings.directory, `${entrant.name}-`));
  const running = await entrant.start({ ...surroundings, directory });
  try {
    await firstAnswer(running);
    const startedSeconds = (performance.now() - startMs) / 1_000;
    await pause(SETTLE_MS);
    const idleMib = residentMib(running);
    await warmUp(running, plan.warmUpSeconds);
    const cells: Partial<Record<CellName, CellResult>> = {};
    for (const name of plan.cells) cells[name] = await takeCell(running, CELLS[name], plan.seconds);
    const answered = (await answersOf(surroundings.upstreamPort)) - answeredBefore;
    const rows = await rowsOf(running, answered);
    const loadedMib = residentMib(running);
    return {
      startedSeconds,
      idleMib,
      loadedMib,
      cells,
      answered,
      rows,
      loadAverage: loadAverage(),
    };
  } finally {
    await running.stop();
  }
}

async function firstAnswer(running: Running): Promise<void> {
  const { failed } = await run(running, CELLS['calls-1'], 0.001);
  if (failed > 0) throw new Error('the first call failed');
}

// Compiled code is what a server runs on after its first minute; both kinds of calls have to get there.
async function warmUp(running: Running, seconds: number): Promise<void> {
  await run(running, CELLS['calls-16'], seconds / 2);
  await run(running, CELLS['streams-16'], seconds / 2);
}

async function takeCell(running: Running, cell: Cell, seconds: number): Promise<CellResult> {
  const before = cpuUs(running);
  const result = await run(running, cell, seconds);
  return { ...result, cpuUs: (cpuUs(running) - before) / Math.max(1, result.completed) };
}

function run({ port, apiKey }: Running, cell: Cell, seconds: number): Promise<LoadResult> {
  const { kind, model, connections } = cell;
  const stream = kind === 'calls' ? {} : { stream: true };
  const messages = [{ role: 'user', content: 'Say something about foxes.' }];
  const body = JSON.stringify({ model, messages, ...stream });
  return runLoad({ kind, port, apiKey, body, connections, durationMs: seconds * 1_000 });
}

async function answersOf(port: number): Promise<number> {
  const { body } = await request(`http://127.0.0.1:${port}/counts`, {
    signal: AbortSignal.timeout(5_000),
  });
  return ((await body.json()) as { answered: number }).answered;
}

/** The rows come a moment after the answers; what is missing in the end is lost. */
async function rowsOf({ countRows }: Running, answered: number): Promise<number | undefined> {
  if (countRows === undefined) return undefined;
  const endMs = performance.now() + ROWS_TIMEOUT_MS;
  let rows = await countRows();
  while (rows < answered && performance.now() < endMs) {
    await pause(250);
    rows = await countRows();
  }
  return rows;
}

const cpuUs = ({ groupId }: Running) => (groupId === undefined ? 0 : groupUsage(groupId).cpuUs);
const residentMib = ({ groupId }: Running) =>
  groupId === undefined ? 0 : groupUsage(groupId).residentMib;
