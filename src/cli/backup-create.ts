import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import {
  type BackupService,
  type Manifest,
  type PruneResult,
  signerFingerprint,
} from '../domains/ops/backup/index.ts';
import { silentLog } from '../lib/log.ts';
import { openBackupService } from '../open-backup.ts';
import { createContext, openStores } from '../runtime.ts';
import { openVerifiedSecretBox } from '../secret-key.ts';
import type { CreateCommandOptions, PruneCommandOptions } from './backup-options.ts';
import { backupFailure, targetsOf } from './backup-failure.ts';
import { progressPrinter, sizeText } from './backup-progress.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError, EXIT_WRONG_USAGE } from './exit-codes.ts';
import { version } from './version.ts';

/** One backup in each target. */
export async function createBackups(
  context: CommandContext,
  options: CreateCommandOptions,
): Promise<void> {
  const config = loadConfig(context.env);
  const targets = targetsOf(config, options.target);
  const recipient = options.recipient ?? config.backup.recipient;
  if (recipient === undefined)
    throw new CommandError(
      'name a --recipient, or set LLAMP_BACKUP_RECIPIENT; `llamp backup keygen` makes one',
      EXIT_WRONG_USAGE,
    );
  const onProgress = progressPrinter(context, options);
  await withBackups(config, async (backups, signal) => {
    for (const target of targets) {
      const manifest = await backups.create(target, { recipient, signal, onProgress });
      if (options.json) context.output.print(JSON.stringify(createdObject(target, manifest)));
      else context.output.print(createdLine(target, manifest));
    }
  });
}

/** Keeps what the rule keeps, in each target. */
export async function pruneArchives(
  { env, output }: CommandContext,
  options: PruneCommandOptions,
): Promise<void> {
  const config = loadConfig(env);
  const targets = targetsOf(config, options.target);
  const rule = options.keep ?? config.backup.keep;
  await withBackups(config, async (backups, signal) => {
    for (const target of targets) {
      const result = await backups.prune(target, rule, signal);
      if (options.json) output.print(JSON.stringify({ event: 'pruned', target, ...result }));
      else output.print(prunedLine(target, result));
    }
  });
}

async function withBackups(
  config: Config,
  work: (backups: BackupService, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const runtime = createContext(config, silentLog);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new CommandError('interrupted')));
  process.once('SIGTERM', () => interrupt.abort(new CommandError('interrupted')));
  try {
    const stores = await openStores(runtime, 'command');
    try {
      const { database } = stores;
      const box = await openVerifiedSecretBox(config, { database, clock: runtime.clock });
      const backups = await openBackupService(stores, runtime, { box, version: version() });
      await work(backups, interrupt.signal);
    } finally {
      await stores.close();
    }
  } catch (error) {
    throw backupFailure(error, config);
  }
}

function createdObject(target: string, manifest: Manifest) {
  const { id, consistent_at, size_bytes, added_bytes, tables, blobs } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return {
    event: 'created',
    target,
    id,
    consistent_at,
    rows,
    blobs: blobs.count,
    size_bytes,
    added_bytes,
  };
}

function createdLine(target: string, manifest: Manifest): string {
  const { id, consistent_at, size_bytes, added_bytes, key } = manifest;
  const sizes = `${sizeText(size_bytes)}, of which ${sizeText(added_bytes)} new`;
  return `backup ${id} in ${target}: as of ${consistent_at}, ${sizes}, signed by ${signerFingerprint(key.signer)}`;
}

function prunedLine(target: string, { kept, deletedBackups, freedBytes }: PruneResult): string {
  return `${target}: ${kept.length} kept, ${deletedBackups.length} deleted, ${sizeText(freedBytes)} freed`;
}
