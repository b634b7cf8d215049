import { expect, test } from 'vitest';
import { linesOf, RowCutter } from './row-cutter.ts';

const row = (number: number) =>
  JSON.stringify([`id-${number}`, 'text '.repeat(1 + (number % 300))]);
const rows = Array.from({ length: 20_000 }, (_, number) => row(number));

function chunksOf(lines: readonly string[]): string[] {
  const cutter = new RowCutter();
  const chunks = [...lines.flatMap((line) => cutter.add(line) ?? []), cutter.end()];
  return chunks.flatMap((chunk) => chunk?.toString() ?? []);
}

test('chunks hold every line, in order', () => {
  const lines = chunksOf(rows).flatMap((chunk) => linesOf(Buffer.from(chunk)));
  expect(lines).toEqual(rows);
});

test('BK-3 rows that are added among the others change at most the chunks beside them', () => {
  const before = new Set(chunksOf(rows));
  const inserted = Array.from({ length: 200 }, (_, number) => row(1_000_000 + number));
  const after = chunksOf([...rows.slice(0, 7_000), ...inserted, ...rows.slice(7_000)]);
  const fresh = after.filter((chunk) => !before.has(chunk));
  const bytes = fresh.reduce((sum, chunk) => sum + chunk.length, 0);
  const total = after.reduce((sum, chunk) => sum + chunk.length, 0);
  expect(fresh.length).toBeLessThanOrEqual(3);
  expect(bytes / total).toBeLessThan(0.05);
});

test('one long row is a chunk of its own kind, and no row is cut', () => {
  const long = JSON.stringify(['x'.repeat(3_000_000)]);
  const chunks = chunksOf([rows[0] ?? '', long, rows[1] ?? '']);
  expect(chunks.flatMap((chunk) => linesOf(Buffer.from(chunk)))).toEqual([rows[0], long, rows[1]]);
});
