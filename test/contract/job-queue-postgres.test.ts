import { randomUUID } from 'node:crypto';
import { openPostgresDatabase } from '../../src/adapters/database/postgres.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeWithLegs } from '../support/legs.ts';
import { describeJobQueue } from './job-queue.ts';

describeWithLegs('PgBossJobQueue on PostgreSQL', ['postgres'], ({ postgres }) => {
  describeJobQueue(() => openEmptyDatabase(postgres));
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
