import type { WorkloadMark } from './file-operation.ts';

export type RunSql = (sql: string) => Promise<unknown>;

export const ACCOUNTS = 20;
export const ROWS_PER_BULK = 40;
const EXTRA_TABLE_EVERY = 25;
const BULK_EVERY = 10;
const MAINTENANCE_EVERY = 40;

export const isBulk = (sequence: number) => sequence % BULK_EVERY === 0;
export const hasExtraTable = (sequence: number) => sequence % EXTRA_TABLE_EVERY === 0;

const MAINTENANCE = [
  'checkpoint',
  'vacuum entries',
  'checkpoint',
  'vacuum full pg_class',
  'reindex table entries',
  'checkpoint',
  'vacuum full accounts',
] as const;

export async function prepareWorkload(run: RunSql): Promise<void> {
  await run(`
    create table entries (sequence int primary key, amount int not null, note text not null);
    create index entries_by_amount on entries (amount);
    create table accounts (id int primary key, balance int not null);
    create table totals (total int not null);
    create table bulk (sequence int, n int, filler text, primary key (sequence, n));
    insert into accounts select g, 0 from generate_series(0, ${ACCOUNTS - 1}) g;
    insert into totals values (0);`);
  await run('checkpoint');
}

/** Transactions whose traces in several tables must agree, with maintenance that rewrites files in between. */
export async function runWorkload(
  run: RunSql,
  mark: (mark: WorkloadMark) => void,
  transactions: number,
): Promise<void> {
  for (let sequence = 1; sequence <= transactions; sequence += 1) {
    await run(transactionText(sequence));
    mark({ kind: 'acknowledged', sequence });
    if (sequence % MAINTENANCE_EVERY === 0) {
      mark({ kind: 'maintenance-begins' });
      const task = MAINTENANCE[(sequence / MAINTENANCE_EVERY - 1) % MAINTENANCE.length];
      await run(task ?? 'checkpoint');
      mark({ kind: 'maintenance-ends' });
    }
  }
}

function transactionText(sequence: number): string {
  const amount = (sequence * 7919) % 101;
  const steps = [
    `insert into entries values (${sequence}, ${amount}, repeat('n', ${sequence % 300}))`,
    `update accounts set balance = balance + ${amount} where id = ${sequence % ACCOUNTS}`,
    `update totals set total = total + ${amount}`,
  ];
  if (isBulk(sequence))
    steps.push(
      `insert into bulk select ${sequence}, g, repeat('f', 200) from generate_series(1, ${ROWS_PER_BULK}) g`,
    );
  if (hasExtraTable(sequence))
    steps.push(
      `create table extra_${sequence} (id int primary key)`,
      `insert into extra_${sequence} select generate_series(1, 5)`,
    );
  return `begin; ${steps.join('; ')}; commit`;
}
