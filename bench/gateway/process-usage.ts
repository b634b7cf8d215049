import { readdirSync, readFileSync } from 'node:fs';

// Linux counts in ticks of 10 ms and pages of 4 KiB.
const TICK_US = 10_000;
const PAGES_PER_MIB = 256;

export interface GroupUsage {
  readonly cpuUs: number;
  readonly residentMib: number;
}

/** What a process group has used so far: a server with workers spends its time in them. */
export function groupUsage(groupId: number): GroupUsage {
  let ticks = 0;
  let pages = 0;
  for (const id of readdirSync('/proc')) {
    const fields = /^\d+$/.test(id) ? statusFields(id) : [];
    if (fields[2] !== String(groupId)) continue;
    ticks += Number(fields[11]) + Number(fields[12]);
    pages += Number(fields[21]);
  }
  return { cpuUs: ticks * TICK_US, residentMib: pages / PAGES_PER_MIB };
}

/** One-minute load average of the machine: what else runs spoils the figures. */
export function loadAverage(): number {
  return Number(readFileSync('/proc/loadavg', 'latin1').split(' ', 1)[0]);
}

// The name of the program may hold spaces and parentheses: count from behind it.
function statusFields(id: string): string[] {
  try {
    const text = readFileSync(`/proc/${id}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return []; // ended between listing and reading
  }
}
