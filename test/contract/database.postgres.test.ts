import { randomUUID } from 'node:crypto';
import { openPostgresDatabase } from '../../src/adapters/database/postgres.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeWithLegs } from '../support/legs.ts';
import { describeDatabaseContract } from './database.contract.ts';

const SESSIONS = 4;

describeWithLegs('PostgreSQL', ['postgres'], (addresses) => {
  describeDatabaseContract('PostgreSQL', async () => {
    const admin = await openPostgresDatabase({
      url: addresses.postgres,
      poolMax: 1,
      log: silentLog,
    });
    const name = `contract_${randomUUID().replaceAll('-', '')}`;
    await admin.execute({ sql: `create database ${name}`, parameters: [] });
    const url = new URL(addresses.postgres);
    url.pathname = `/${name}`;
    return {
      sessions: SESSIONS,
      open: () => openPostgresDatabase({ url: url.href, poolMax: SESSIONS, log: silentLog }),
      dispose: async () => {
        await admin.execute({ sql: `drop database ${name} with (force)`, parameters: [] });
        await admin.close();
      },
    };
  });
});
