import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { testEnvironment } from '../support/runner/test-environment.ts';

const COMMAND = resolve('bin/llamp.mjs');
const COMMAND_TIMEOUT_MS = 120_000;
const POLL_MS = 20;

export interface Ended {
  /** Null after a signal that it did not handle. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** One `llamp …` process whose two output streams are kept apart. */
export interface LlampProcess {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the match once standard output has it; rejects when the process ends before. */
  waitFor(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** Asks it to stop and waits for its end. */
  stop(): Promise<Ended>;
}

type Variables = Readonly<Record<string, string>>;

export function startLlamp(args: readonly string[], variables: Variables): LlampProcess {
  const startedMs = performance.now();
  const output = { stdout: '', stderr: '' };
  const child = spawn(process.execPath, [COMMAND, ...args], {
    env: testEnvironment(process.env, { ...variables }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const killAtExit = () => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let hasEnded = false;
  // `close`, not `exit`: only then both streams are complete.
  const ended = new Promise<Ended>((done, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      hasEnded = true;
      process.removeListener('exit', killAtExit);
      done({ code, ...output, durationMs: performance.now() - startedMs });
    });
  });
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    ended,
    signal: (name) => void child.kill(name),
    waitFor: (pattern, deadlineMs = 120_000) =>
      until(() => {
        const match = pattern.exec(output.stdout);
        if (match === null && hasEnded)
          throw new Error(`llamp ended without ${pattern}:\n${output.stdout}\n${output.stderr}`);
        return match ?? undefined;
      }, deadlineMs),
    stop: async () => {
      child.kill('SIGTERM');
      return await withinMs(ended, COMMAND_TIMEOUT_MS, () => child.kill('SIGKILL'));
    },
  };
}

/** Runs a command to its end; one that does not end by itself is killed. */
export async function runLlamp(
  args: readonly string[],
  variables: Variables,
  timeoutMs = COMMAND_TIMEOUT_MS,
): Promise<Ended> {
  const command = startLlamp(args, variables);
  return await withinMs(command.ended, timeoutMs, () => command.signal('SIGKILL'));
}

/** Polls until there is a value; rejects after the deadline with what the last attempt threw. */
export async function until<T>(
  attempt: () => T | undefined | Promise<T | undefined>,
  deadlineMs: number,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await attempt();
    if (value !== undefined) return value;
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${attempt}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

async function withinMs(
  ended: Promise<Ended>,
  timeoutMs: number,
  kill: () => void,
): Promise<Ended> {
  const timer = setTimeout(kill, timeoutMs);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}
