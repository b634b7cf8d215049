import type { Config } from '../config/config.ts';
import { BackupError } from '../domains/ops/backup/index.ts';
import { startFailure } from '../start-failure.ts';
import { CommandError, EXIT_WRONG_USAGE } from './exit-codes.ts';

/** A known reason as one sentence; anything else comes back as it is. */
export function backupFailure(error: unknown, { dataDirectory }: Config): unknown {
  if (error instanceof BackupError) return new CommandError(error.message);
  if (error instanceof Error && error.name === 'DataFolderInUseError')
    return new CommandError(
      `${error.message}; a running server makes backups itself: POST /api/v1/backups, or LLAMP_BACKUP_SCHEDULE`,
    );
  return startFailure(error, dataDirectory);
}

/** The targets of a command: the named one, or those of the configuration. */
export function targetsOf({ backup }: Config, target: string | undefined): readonly string[] {
  const targets = target === undefined ? backup.targets : [target];
  if (targets.length > 0) return targets;
  throw new CommandError('name a --target, or set LLAMP_BACKUP_TARGETS', EXIT_WRONG_USAGE);
}

export function firstTargetOf(config: Config, target: string | undefined): string {
  const [first = ''] = targetsOf(config, target);
  return first;
}
