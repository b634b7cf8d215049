import { expect, test } from 'vitest';
import { keptBackups } from './prune-backups.ts';

const DAY_MS = 86_400_000;
const last = Date.UTC(2026, 10, 25, 2, 30);
const daily = Array.from({ length: 500 }, (_, age) => ({
  id: `age-${age}`,
  time: new Date(last - age * DAY_MS),
}));

test('keeps one for each of the newest days, weeks and months', () => {
  const kept = keptBackups(daily, { daily: 3, weekly: 3, monthly: 3 });
  // 25 November 2026 is a Wednesday: weeks end on the Sundays 22 and 15, months on 31 October and 30 September.
  expect([...kept].sort()).toEqual(
    ['age-0', 'age-1', 'age-10', 'age-2', 'age-25', 'age-3', 'age-56'].sort(),
  );
});

test('keeps the newest of several in one day, and the last day whatever the rule', () => {
  const twice = [
    { id: 'morning', time: new Date(last - 3 * DAY_MS) },
    { id: 'evening', time: new Date(last - 3 * DAY_MS + 60_000) },
    { id: 'an hour ago', time: new Date(last - 3_600_000) },
    { id: 'now', time: new Date(last) },
  ];
  const kept = (daily: number) => [...keptBackups(twice, { daily, weekly: 0, monthly: 0 })];
  expect(kept(7)).toEqual(['now', 'an hour ago', 'evening']);
  expect(kept(0)).toEqual(['now', 'an hour ago']);
});
