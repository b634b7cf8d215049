import type { CommandContext } from './command-context.ts';

const STEP_BLOBS = 500;

/** What both a backup and a restore tell while they run. */
export interface Progress {
  readonly phase: string;
  readonly table?: string;
  readonly rows?: number;
  readonly blobs?: number;
  readonly blobsTotal?: number;
}

/** A line for each table, and for every so many blobs; with `--json` one JSON document a line. */
export function progressPrinter({ output }: CommandContext, { json }: { json?: true }) {
  return (progress: Progress): void => {
    const { phase, table, rows, blobs, blobsTotal } = progress;
    if (blobs !== undefined && blobs % STEP_BLOBS !== 0 && blobs !== blobsTotal) return;
    if (json) return output.print(JSON.stringify({ event: 'progress', ...progress }));
    if (table !== undefined) output.print(`${table}: ${rows ?? 0} rows`);
    else if (blobs !== undefined) output.print(`blobs: ${blobs} of ${blobsTotal ?? blobs}`);
    else output.print(phase);
  };
}

/** `12.3 MB` */
export function sizeText(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = sizeBytes < 1 ? 0 : Math.min(4, Math.floor(Math.log10(sizeBytes) / 3));
  const value = sizeBytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power] ?? ''}`;
}
