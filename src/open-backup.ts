import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyPluginAsync } from 'fastify';
import { openBackupTarget } from './backup-target.ts';
import type { Config } from './config/config.ts';
import {
  BACKUP_QUEUES,
  BackupService,
  type BackupSource,
  backupRoutes,
  type Manifest,
  startBackupJobs,
} from './domains/ops/backup/index.ts';
import type { QueueDefinition } from './ports/job-queue.ts';
import type { SecretBox } from './lib/secret-box.ts';
import { StartError } from './lib/start-error.ts';
import type { RuntimeContext, Stores } from './runtime.ts';
import { readMasterKeys } from './secret-key.ts';

/** Backups that a server makes while it runs. */
export interface ServerBackups {
  /** Register it under `/api/v1`. */
  readonly routes: FastifyPluginAsync;
  readonly queues: readonly QueueDefinition[];
  /** The job queue has been started. */
  startWorkers(): Promise<void>;
}

export function openServerBackups(
  stores: Pick<Stores, 'database' | 'blobs' | 'queue'>,
  context: RuntimeContext,
  opened: { box: SecretBox | undefined; version: string },
): ServerBackups {
  const { database, queue: jobs } = stores;
  const { clock, log } = context;
  const plan = context.config.backup;
  const hasSecretKey = opened.box !== undefined;
  return {
    routes: (app) => backupRoutes(app, { database, jobs, clock, plan, hasSecretKey }),
    queues: BACKUP_QUEUES,
    startWorkers: () =>
      startBackupJobs({
        plan,
        jobs,
        log,
        openService: () => openBackupService(stores, context, opened),
      }),
  };
}

/** Backups of the installation that is open. */
export async function openBackupService(
  { database, blobs }: Pick<Stores, 'database' | 'blobs'>,
  context: RuntimeContext,
  { box, version }: { box: SecretBox | undefined; version: string },
): Promise<BackupService> {
  const { config, clock } = context;
  if (box === undefined)
    throw new StartError('a backup needs LLAMP_SECRET_KEY: its own keys are sealed with it');
  const source: BackupSource = {
    database,
    blobs,
    clock,
    box,
    secretKeys: await readMasterKeys(config),
    configuration: await configurationText(config),
    shape: shapeOf(config),
    applicationVersion: version,
    spoolDirectory: join(config.dataDirectory, 'backup-spool'),
  };
  return new BackupService({ source, openTarget: (target) => openBackupTarget(context, target) });
}

function shapeOf({ database, s3, milvus }: Config): Manifest['shape'] {
  return {
    database: database === undefined ? 'embedded' : 'postgresql',
    blobs: s3 === undefined ? 'folder' : 's3',
    index: milvus === undefined ? 'embedded' : 'milvus',
  };
}

async function configurationText({ backup, configFile }: Config): Promise<string> {
  const models = configFile === undefined ? null : await readFile(configFile.path, 'utf8');
  const variables = backup.printedValues();
  return `${JSON.stringify({ variables, models_file: models }, null, 2)}\n`;
}
