import { readFileSync } from 'node:fs';
import type { Database } from '../../src/ports/database.ts';

const MIGRATIONS = [
  '0001-identity',
  '0002-usage',
  '0005-limits',
  '0007-interrupted-usage',
  '0009-audit',
  '0015-row-level-security',
];

/** Everything that usage needs in a new database, with two projects of one organization: `proj_1` and `proj_2`. */
export async function createUsageSchema(database: Database): Promise<void> {
  for (const name of MIGRATIONS) {
    await database.executeScript(readFileSync(`migrations/${name}.sql`, 'utf8'));
  }
  await database.executeScript(`
    insert into organizations (id, name, created_at) values ('org_1', 'One', now()), ('org_2', 'Two', now());
    insert into projects (id, organization_id, name, created_at) values
      ('proj_1', 'org_1', 'One', now()), ('proj_2', 'org_1', 'Two', now()), ('proj_3', 'org_2', 'Three', now());`);
}
