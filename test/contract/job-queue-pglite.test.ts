import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe } from 'vitest';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeJobQueue } from './job-queue.ts';

describe('PgBossJobQueue on PGlite', () => {
  describeJobQueue(async () => {
    const parent = await mkdtemp(path.join(tmpdir(), 'llamp-jobs-'));
    const directory = path.join(parent, 'cluster');
    const database = await openPgliteDatabase({ directory, log: silentLog });
    const close = async () => {
      await database.close();
      await rm(parent, { recursive: true });
    };
    return { database, close };
  });
});
