import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('load-main.ts', import.meta.url));
const TIMEOUT_MS = 120_000;

/** `calls` and `streams` ask in a closed loop; `paced` opens one slow stream on each connection. */
export interface Load {
  readonly kind: 'calls' | 'streams' | 'paced';
  readonly port: number;
  readonly apiKey: string;
  readonly body: string;
  readonly connections: number;
  /** Of a closed loop. */
  readonly durationMs: number;
}

export interface LoadResult {
  readonly completed: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly firstByteP50Ms: number;
  readonly firstByteP99Ms: number;
  readonly failed: number;
  readonly lostFrames: number;
  /** Answers with a silence of more than 200 ms inside. */
  readonly stalled: number;
}

/** Runs the load in a process of its own. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const { stdout } = await run(process.execPath, [PROGRAM, JSON.stringify(load)], {
    timeout: TIMEOUT_MS,
  });
  return JSON.parse(stdout) as LoadResult;
}
