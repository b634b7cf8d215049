// Power cuts on the embedded database: node bench/power-cut.ts [--cuts N] [--transactions N] [--seed N]
// Records the file operations of one run per engine, rebuilds the disk at random moments from what was synced, and
// looks for every acknowledged row. PGlite as it comes must fail; the durable engine must not.
import * as fs from 'node:fs';
import { parseArgs } from 'node:util';
import { databaseTemplate, temporaryFolder } from '../test/support/database-template.ts';
import {
  type CutPlan,
  type CutResult,
  cutPower,
  type EngineName,
  type Recording,
  recordWorkload,
} from '../test/support/power-cut/power-cut-trial.ts';

const VARIANTS: readonly (Omit<CutPlan, 'seed'> & { engine: EngineName })[] = [
  { engine: 'plain', data: 'kept', names: 'journal' },
  { engine: 'plain', data: 'dropped', names: 'journal' },
  { engine: 'plain', data: 'random', names: 'journal' },
  { engine: 'durable', data: 'dropped', names: 'journal' },
  { engine: 'durable', data: 'random', names: 'journal' },
  { engine: 'durable', data: 'dropped', names: 'strict' },
  { engine: 'durable', data: 'random', names: 'strict' },
];

const print = (line: string) => process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '60' },
    transactions: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
  },
});

const folder = temporaryFolder('power-cut');
try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<boolean> {
  const template = await databaseTemplate();
  const transactions = Number(values.transactions);
  const record = (engine: EngineName) => recordWorkload({ engine, template, folder, transactions });
  const recordings = { plain: await record('plain'), durable: await record('durable') };
  for (const [engine, recording] of Object.entries(recordings)) print(summary(engine, recording));
  print('\n| engine | unsynced data | names | cuts | good | first problem |');
  print('|---|---|---|---|---|---|');
  let isProven = true;
  for (const variant of VARIANTS) {
    const results = await cutOften(recordings[variant.engine], variant);
    const failures = results.filter((result) => result.problem !== null);
    print(row(variant, results.length, failures));
    const mustHold = variant.engine === 'durable' || variant.data === 'kept';
    isProven &&= mustHold === (failures.length === 0);
  }
  return isProven;
}

async function cutOften(
  recording: Recording,
  plan: Omit<CutPlan, 'seed'>,
): Promise<(CutResult & { seed: number })[]> {
  const results: (CutResult & { seed: number })[] = [];
  const first = Number(values.seed);
  for (let seed = first; seed < first + Number(values.cuts); seed += 1)
    results.push({ ...(await cutPower(recording, { ...plan, seed }, folder)), seed });
  return results;
}

function summary(engine: string, { operations }: Recording): string {
  const count = (kind: string) => operations.filter((each) => each.kind === kind).length;
  return `${engine}: ${count('write')} writes, ${count('sync-file')} file and ${count('sync-directory')} folder syncs`;
}

function row(
  { engine, data, names }: (typeof VARIANTS)[number],
  cuts: number,
  failures: readonly (CutResult & { seed: number })[],
): string {
  const [first] = failures;
  const problem = first === undefined ? '' : `seed ${first.seed}: ${first.problem}`;
  return `| ${engine} | ${data} | ${names} | ${cuts} | ${cuts - failures.length} | ${problem} |`;
}
