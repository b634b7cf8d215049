import { afterAll, beforeAll, describe } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { describeAuditLog } from './audit-log.ts';

function describeOn(openFresh: () => Promise<FreshDatabase>): void {
  let fresh: FreshDatabase;
  let database: Database;
  beforeAll(async () => {
    fresh = await openFresh();
    database = await fresh.open();
    await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
  });
  afterAll(async () => {
    await database?.close();
    await fresh?.dispose();
  });
  describeAuditLog(() => database);
}

describe('the audit log on PGlite', () => {
  describeOn(freshPglite);
});

describeWithLegs('the audit log on PostgreSQL', ['postgres'], ({ postgres }) => {
  describeOn(() => freshPostgres(postgres));
});
