import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import { silentLog } from '../../src/lib/log.ts';
import { databaseTemplate, temporaryFolder } from '../support/database-template.ts';
import { describeDatabaseContract } from './database.contract.ts';

describeDatabaseContract('PGlite', async () => {
  const folder = temporaryFolder('contract');
  const templateDirectory = await databaseTemplate();
  let opened = 0;
  return {
    sessions: 1,
    open: () => {
      // Two engines in one folder would destroy it.
      const directory = join(folder, `db-${opened++}`);
      return openPgliteDatabase({ directory, templateDirectory, log: silentLog });
    },
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
