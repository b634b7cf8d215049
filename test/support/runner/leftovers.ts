import { readdirSync, readFileSync } from 'node:fs';

/** Variable that marks every process of one run of the test runner, and what those start in turn. */
export const RUN_MARKER = 'LLAMP_TEST_RUN';

/**
 * Processes that still carry the mark of a run, as `pid command`. Linux only: elsewhere the list is empty. Server
 * processes that were stopped in order are gone by then; what remains was left behind by a test.
 */
export function findLeftovers(runId: string): { pid: number; command: string }[] {
  if (process.platform !== 'linux') return [];
  const mark = `${RUN_MARKER}=${runId}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => readProcess(name, 'environ').includes(mark))
    .map((name) => ({ pid: Number(name), command: readProcess(name, 'cmdline').join(' ').trim() }))
    .filter(({ command }) => command !== '');
}

/** Kills them; for the clean-up at the end of a run. */
export function killLeftovers(runId: string): { pid: number; command: string }[] {
  const leftovers = findLeftovers(runId);
  for (const { pid } of leftovers) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return leftovers;
}

function readProcess(id: string, file: 'environ' | 'cmdline'): string[] {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8').split('\0');
  } catch {
    return []; // ended meanwhile, or another user's
  }
}
