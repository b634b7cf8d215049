// Child process: opens a database after a power cut and looks for everything that was acknowledged.
import { openPgliteDatabase } from '../../../src/adapters/database/pglite.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { hasExtraTable, isBulk, ROWS_PER_BULK } from './workload.ts';

const [directory = '', acknowledgedText = '0'] = process.argv.slice(2);
const acknowledged = Number(acknowledgedText);

const problem = await findProblem();
process.stdout.write(`${JSON.stringify({ problem })}\n`);
process.exit(0);

async function findProblem(): Promise<string | null> {
  try {
    const database = await openPgliteDatabase({ directory, log: silentLog });
    const number = async (sql: string) => {
      const { rows } = await database.execute<{ n: number }>({ sql, parameters: [] });
      return rows[0]?.n ?? 0;
    };
    const found = (await rowsProblem(number)) ?? (await sumsProblem(number));
    if (found !== null) return found;
    // The database must also take new work.
    await database.executeScript(
      'create table after_cut (id int); insert into after_cut values (1)',
    );
    await database.close();
    return null;
  } catch (error) {
    return `does not work: ${error instanceof Error ? error.message : String(error)}`;
  }
}

type ReadNumber = (sql: string) => Promise<number>;

async function rowsProblem(number: ReadNumber): Promise<string | null> {
  const found = await number(`select count(*) as n from entries where sequence <= ${acknowledged}`);
  if (found !== acknowledged) return `${acknowledged - found} of ${acknowledged} rows lost`;
  const last = await number('select coalesce(max(sequence), 0) as n from entries');
  for (let sequence = 1; sequence <= last; sequence += 1) {
    if (hasExtraTable(sequence)) {
      const rows = await number(`select count(*) as n from extra_${sequence}`);
      if (rows !== 5) return `table extra_${sequence} has ${rows} rows`;
    }
  }
  const bulks = Array.from({ length: last }, (_, index) => index + 1).filter(isBulk).length;
  const bulkRows = await number('select count(*) as n from bulk');
  return bulkRows === bulks * ROWS_PER_BULK ? null : `bulk has ${bulkRows} rows`;
}

async function sumsProblem(number: ReadNumber): Promise<string | null> {
  const entries = await number('select coalesce(sum(amount), 0)::int8 as n from entries');
  const accounts = await number('select sum(balance)::int8 as n from accounts');
  const totals = await number('select total as n from totals');
  if (entries !== accounts || entries !== totals)
    return `sums differ: ${entries}, ${accounts}, ${totals}`;
  // The indexes must tell the same as the tables.
  const byIndex = await number(
    `select count(*) as n from entries e where e.sequence in
       (select sequence from entries where sequence between 1 and 1000000000 order by sequence)`,
  );
  const all = await number("select count(*) as n from entries where note || '' = note");
  return byIndex === all ? null : `index entries_pkey has ${byIndex} of ${all} rows`;
}
