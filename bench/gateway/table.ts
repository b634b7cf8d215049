import type { CellName, CellResult, Measurement } from './measure.ts';
import { median } from './statistics.ts';

/** All rounds of each entrant, in the order in which they ran. */
export type Results = ReadonlyMap<string, readonly Measurement[]>;

interface Figure {
  readonly title: string;
  readonly digits: number;
  readonly of: (measurement: Measurement) => number | undefined;
}

const REFERENCE = 'node-undici';

const cell = (title: string, name: CellName, key: keyof CellResult, digits: number): Figure => ({
  title,
  digits,
  of: ({ cells }) => cells[name]?.[key],
});

const FIGURES: readonly Figure[] = [
  cell('c=1 p50 ms', 'calls-1', 'p50Ms', 2),
  cell('c=1 p99 ms', 'calls-1', 'p99Ms', 2),
  cell('c=16 calls/s', 'calls-16', 'perSecond', 0),
  cell('c=16 p50 ms', 'calls-16', 'p50Ms', 2),
  cell('c=16 p99 ms', 'calls-16', 'p99Ms', 1),
  cell('c=64 calls/s', 'calls-64', 'perSecond', 0),
  cell('10 KB c=16 calls/s', 'calls-10k', 'perSecond', 0),
  cell('100 KB c=16 calls/s', 'calls-100k', 'perSecond', 0),
  cell('CPU us/call', 'calls-16', 'cpuUs', 0),
  cell('CPU us/call of 10 KB', 'calls-10k', 'cpuUs', 0),
  cell('first byte p50 ms', 'streams-1', 'firstByteP50Ms', 2),
  cell('first byte p99 ms', 'streams-1', 'firstByteP99Ms', 1),
  cell('streams/s c=16', 'streams-16', 'perSecond', 0),
  cell('CPU us/stream', 'streams-16', 'cpuUs', 0),
  cell('512 paced: done', 'paced-512', 'completed', 0),
  cell('512 paced: lost frames', 'paced-512', 'lostFrames', 0),
  cell('512 paced: stalled', 'paced-512', 'stalled', 0),
  cell('512 paced: first byte p99 ms', 'paced-512', 'firstByteP99Ms', 0),
  cell('512 paced: CPU us/stream', 'paced-512', 'cpuUs', 0),
  { title: 'RSS idle MiB', digits: 0, of: ({ idleMib }) => idleMib },
  { title: 'RSS after MiB', digits: 0, of: ({ loadedMib }) => loadedMib },
  { title: 'start to first answer s', digits: 2, of: ({ startedSeconds }) => startedSeconds },
  { title: 'answers of the upstream', digits: 0, of: ({ answered }) => answered },
  { title: 'usage rows missing', digits: 0, of: ({ answered, rows }) => rows && answered - rows },
  { title: 'failed', digits: 0, of: failures },
  { title: 'load average', digits: 1, of: ({ loadAverage }) => loadAverage },
];

const RATIOS: readonly Figure[] = [
  cell('CPU per call', 'calls-16', 'cpuUs', 2),
  cell('CPU per stream of 64 frames', 'streams-16', 'cpuUs', 2),
  cell('CPU per paced stream', 'paced-512', 'cpuUs', 2),
  cell('calls/s c=16', 'calls-16', 'perSecond', 2),
  cell('calls/s c=64', 'calls-64', 'perSecond', 2),
  cell('calls/s 10 KB c=16', 'calls-10k', 'perSecond', 2),
  cell('streams/s c=16', 'streams-16', 'perSecond', 2),
];

/** Medians over the rounds, and their ratios to the reference proxy, as Markdown. */
export function resultTables(results: Results): string {
  return `${medianTable(results)}\n\nRatios to ${REFERENCE}:\n\n${ratioTable(results)}\n`;
}

function medianTable(results: Results): string {
  const row = (figure: Figure) =>
    [...results.values()].map((rounds) => shown(medianOf(rounds, figure), figure.digits));
  return table([...results.keys()], FIGURES, row);
}

function ratioTable(results: Results): string {
  const reference = results.get(REFERENCE) ?? [];
  const names = [...results.keys()].filter((name) => name !== 'direct' && name !== REFERENCE);
  const row = (figure: Figure) => {
    const base = medianOf(reference, figure);
    return names.map((name) => {
      const value = medianOf(results.get(name) ?? [], figure);
      return shown(base === undefined || value === undefined ? undefined : value / base, 2);
    });
  };
  return table(names, RATIOS, row);
}

function table(
  names: readonly string[],
  figures: readonly Figure[],
  row: (figure: Figure) => readonly string[],
): string {
  const lines = figures.map((figure) => `| ${[figure.title, ...row(figure)].join(' | ')} |`);
  return [`| | ${names.join(' | ')} |`, `|---|${'--:|'.repeat(names.length)}`, ...lines].join('\n');
}

function medianOf(rounds: readonly Measurement[], { of }: Figure): number | undefined {
  const values = rounds.map(of).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

const shown = (value: number | undefined, digits: number) =>
  value === undefined || !Number.isFinite(value) ? '-' : value.toFixed(digits);

function failures({ cells }: Measurement): number {
  return Object.values(cells).reduce((sum, { failed }) => sum + failed, 0);
}
