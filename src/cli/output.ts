import { writeSync } from 'node:fs';

/** The only door to the terminal. */
export interface Output {
  /** A line for people, on standard output. */
  print(line: string): void;
  /** One JSON document on standard output; for `--json`. */
  json(value: unknown): void;
  /** Rows as aligned columns, on standard output. */
  table(header: readonly string[], rows: readonly (readonly string[])[]): void;
  /** A line about what went wrong, on standard error. */
  error(line: string): void;
}

// Synchronous, so that a line is out before the process ends and a pipe gets all of it.
const STDOUT = 1;
const STDERR = 2;

export const terminalOutput: Output = {
  print: (line) => write(STDOUT, `${line}\n`),
  json: (value) => write(STDOUT, `${JSON.stringify(value, null, 2)}\n`),
  table: (header, rows) => write(STDOUT, `${alignColumns([header, ...rows])}\n`),
  error: (line) => write(STDERR, `${line}\n`),
};

export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function write(descriptor: number, text: string): void {
  try {
    writeSync(descriptor, text);
  } catch (error) {
    // A reader that went away (`llamp … | head`) is no failure of ours.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
