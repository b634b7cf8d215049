// A process of its own that writes to an embedded database and reports each acknowledged row to its parent.
import { openPgliteDatabase } from '../../../src/adapters/database/pglite.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { DatabaseError } from '../../../src/ports/database.ts';

const [directory = '', templateDirectory = ''] = process.argv.slice(2);
const report = (message: object) => process.send?.(message);

const database = await openPgliteDatabase({ directory, templateDirectory, log: silentLog });
await database.executeScript(`
  create table if not exists entries (id int primary key, amount int not null);
  create table if not exists totals (name text primary key, amount bigint not null);
  insert into totals values ('all', 0) on conflict do nothing`);
report({ kind: 'ready' });

for (let id = 1; ; id += 1) {
  try {
    await writeEntry(id);
  } catch (error) {
    report({ kind: 'failed', ...(error instanceof DatabaseError ? { ...error } : {}) });
    break;
  }
  report({ kind: 'acknowledged', id });
}

async function writeEntry(id: number): Promise<void> {
  const entry = { sql: 'insert into entries values ($1, $2)', parameters: [id, id % 7] };
  const total = { sql: 'update totals set amount = amount + $1', parameters: [id % 7] };
  if (id % 2 === 0) {
    await database.batch([entry, total]);
    return;
  }
  await database.transaction(async (transaction) => {
    await transaction.execute(entry);
    await transaction.execute(total);
  });
}
