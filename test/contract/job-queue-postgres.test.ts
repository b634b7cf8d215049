import { randomUUID } from 'node:crypto';
import { getRollbackPlans } from 'pg-boss';
import { expect, it } from 'vitest';
import { openPostgresDatabase } from '../../src/adapters/database/postgres.ts';
import { jobQueueSchemaStep } from '../../src/adapters/job-queue/pg-boss-schema.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeWithLegs } from '../support/legs.ts';
import { describeJobQueue } from './job-queue.ts';

describeWithLegs('PgBossJobQueue on PostgreSQL', ['postgres'], ({ postgres }) => {
  describeJobQueue(() => openEmptyDatabase(postgres));

  it('creates its tables once for many that migrate at once, and brings older ones up', async () => {
    const { database, close } = await openEmptyDatabase(postgres);
    expect(await jobQueueSchemaStep.isCurrent(database)).toBe(false);
    await Promise.all(Array.from({ length: 4 }, () => jobQueueSchemaStep.apply(database)));
    expect(await jobQueueSchemaStep.isCurrent(database)).toBe(true);
    await database.executeScript(getRollbackPlans('pgboss'));
    expect(await jobQueueSchemaStep.isCurrent(database)).toBe(false);
    await jobQueueSchemaStep.apply(database);
    expect(await jobQueueSchemaStep.isCurrent(database)).toBe(true);
    await close();
  });
});

async function openEmptyDatabase(url: string) {
  const admin = await openPostgresDatabase({ url, poolMax: 1, log: silentLog });
  const name = `jobs_${randomUUID().replaceAll('-', '')}`;
  await admin.executeScript(`create database ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const database = await openPostgresDatabase({ url: own.href, poolMax: 10, log: silentLog });
  const close = async () => {
    await database.close();
    await admin.executeScript(`drop database ${name} with (force)`);
    await admin.close();
  };
  return { database, close };
}
