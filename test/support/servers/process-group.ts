import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessGroupOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Only for a runner that is root: servers that refuse root run as this user. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Both output streams go here; the end of it is part of every error. */
  readonly logPath: string;
  /** PostgreSQL waits for its clients on SIGTERM; SIGINT is its fast stop. */
  readonly stopSignal?: NodeJS.Signals;
  readonly stopTimeoutMs?: number;
}

/** A started process and everything it starts, in a process group of its own. */
export interface ProcessGroup {
  readonly pid: number;
  /** Resolves with the exit code, or null after a signal. */
  readonly exited: Promise<number | null>;
  hasExited(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Asks, waits, and then kills whatever is left of the group. */
  stop(): Promise<void>;
  logTail(): string;
}

/**
 * Starts a command as the leader of a new group. The whole group is killed when this Node process exits, however
 * it exits: `milvus-server` and PostgreSQL leave children behind when only the leader is killed.
 */
export function startProcessGroup(options: ProcessGroupOptions): ProcessGroup {
  const child = spawnDetached(options);
  const pid = child.pid;
  const logTail = () => readLogTail(options.logPath);
  let hasExited = false;
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', reject);
  }).finally(() => {
    hasExited = true;
  });
  exited.catch(() => undefined);
  if (pid === undefined) throw new Error(`cannot start ${options.command}: ${logTail()}`);

  const killAtExit = () => signalGroup(pid, 'SIGKILL');
  process.setMaxListeners(process.getMaxListeners() + 1);
  process.once('exit', killAtExit);

  return {
    pid,
    exited,
    hasExited: () => hasExited,
    kill: (signal) => signalGroup(pid, signal),
    stop: async () => {
      await stopGroup(pid, options.stopSignal ?? 'SIGTERM', options.stopTimeoutMs ?? 10_000);
      process.removeListener('exit', killAtExit);
      process.setMaxListeners(Math.max(10, process.getMaxListeners() - 1));
    },
    logTail,
  };
}

/** Waits for `ready`; fails at once when the process ends, and with its last lines of output at the deadline. */
export async function waitUntilReady(
  name: string,
  group: ProcessGroup,
  ready: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (group.hasExited()) throw new Error(`${name} ended while starting:\n${group.logTail()}`);
    if (await ready().catch(() => false)) return;
    await sleep(50);
  }
  await group.stop();
  throw new Error(`${name} was not ready after ${timeoutMs} ms:\n${group.logTail()}`);
}

function spawnDetached(options: ProcessGroupOptions): ChildProcess {
  const log = openSync(options.logPath, 'a');
  try {
    return spawn(options.command, options.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: options.env ?? process.env,
      cwd: options.cwd,
      ...options.user,
    });
  } finally {
    closeSync(log);
  }
}

async function stopGroup(pid: number, signal: NodeJS.Signals, timeoutMs: number): Promise<void> {
  signalGroup(pid, signal);
  if (await groupEnds(pid, timeoutMs)) return;
  signalGroup(pid, 'SIGKILL');
  await groupEnds(pid, 5_000);
}

async function groupEnds(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (groupIsAlive(pid)) {
    if (performance.now() > deadline) return false;
    await sleep(25);
  }
  return true;
}

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

// In a container whose first process does not reap orphans, dead grandchildren stay as zombies and the group
// answers to signal 0 for ever; they count as ended.
function groupIsAlive(pid: number): boolean {
  if (!signalGroup(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  return processIds().some((id) => {
    const [state, , group] = statusFields(id);
    return group === String(pid) && state !== 'Z';
  });
}

function processIds(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

// The command name in /proc/<pid>/stat may hold spaces and parentheses: count from the last one.
function statusFields(id: string): string[] {
  try {
    const text = readFileSync(`/proc/${id}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return []; // ended between listing and reading
  }
}

function readLogTail(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-4_000).trim();
  } catch (error) {
    return `(no log: ${(error as Error).message})`;
  }
}
