import * as fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseTemplate, temporaryFolder } from '../support/database-template.ts';
import {
  type CutPlan,
  cutPower,
  type Recording,
  recordWorkload,
} from '../support/power-cut/power-cut-trial.ts';

// `node bench/power-cut.ts` does the same with many more cuts.
const DURABLE_CUTS: readonly CutPlan[] = [
  { data: 'random', names: 'strict', seed: 1 },
  { data: 'random', names: 'strict', seed: 2 },
  { data: 'dropped', names: 'strict', seed: 3 },
  { data: 'dropped', names: 'journal', seed: 4 },
  { data: 'random', names: 'journal', seed: 5 },
  { data: 'random', names: 'journal', seed: 6 },
];

const TRANSACTIONS = 130;

let folder = '';
let template = '';

beforeAll(async () => {
  folder = temporaryFolder('power-cut');
  template = await databaseTemplate();
});

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

const record = (engine: 'plain' | 'durable') =>
  recordWorkload({ engine, template, folder, transactions: TRANSACTIONS });

describe('power loss of the embedded database', () => {
  test('keeps every acknowledged row and all tables in agreement', async () => {
    const recording = await record('durable');
    for (const plan of DURABLE_CUTS) {
      const { acknowledged, problem } = await cutPower(recording, plan, folder);
      expect({ plan, problem }).toEqual({ plan, problem: null });
      expect(acknowledged).toBeGreaterThan(0);
    }
  });

  // The proof that the simulation finds what it looks for.
  test('loses rows with the file system that PGlite brings', async () => {
    const recording = await record('plain');
    const kept = await cutPower(recording, { data: 'kept', names: 'journal', seed: 1 }, folder);
    expect(kept.problem).toBeNull();
    expect(await problemsOf(recording, [1, 2])).not.toEqual([null, null]);
  });
});

async function problemsOf(recording: Recording, seeds: readonly number[]) {
  const problems: (string | null)[] = [];
  for (const seed of seeds)
    problems.push(
      (await cutPower(recording, { data: 'random', names: 'journal', seed }, folder)).problem,
    );
  return problems;
}
