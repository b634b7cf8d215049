import { type Command, InvalidArgumentError, Option } from 'commander';
import type {
  CreateCommandOptions,
  OpenerOptions,
  PruneCommandOptions,
  RestoreCommandOptions,
  TargetOptions,
  VerifyCommandOptions,
} from './backup-options.ts';
import type { CommandContext } from './command-context.ts';

const TARGET = '--target <place>';
const TARGET_TEXT = 'a folder, or s3://bucket/prefix; by default those of LLAMP_BACKUP_TARGETS';
const IDENTITY_TEXT = 'file with the identity of the recipient';
const JSON_TEXT = 'print lines of JSON';

// Each is loaded when it is used: a listing needs no engine.
export function addBackupCommands(program: Command, context: CommandContext): void {
  const backup = program
    .command('backup')
    .description(
      'make, prove and put back backups; a running embedded server makes its own (/api/v1/backups)',
    );
  addCreate(backup, context);
  addList(backup, context);
  addVerify(backup, context);
  addRestore(backup, context);
  addDrill(backup, context);
  addPrune(backup, context);
  addKeygen(backup, context);
}

function addCreate(backup: Command, context: CommandContext): void {
  backup
    .command('create')
    .description('back up rows, blobs and configuration as they stand at one moment')
    .option(TARGET, TARGET_TEXT)
    .option('--recipient <age1…>', 'who can open it; by default LLAMP_BACKUP_RECIPIENT')
    .option('--json', JSON_TEXT)
    .action(async (options: CreateCommandOptions) => {
      const { createBackups } = await import('./backup-create.ts');
      await createBackups(context, options);
    });
}

function addList(backup: Command, context: CommandContext): void {
  backup
    .command('list')
    .description('the backups of a target, oldest first')
    .option(TARGET, TARGET_TEXT)
    .option('--json', JSON_TEXT)
    .action(async (options: TargetOptions) => {
      const { listBackups } = await import('./backup-archive.ts');
      await listBackups(context, options);
    });
}

function addVerify(backup: Command, context: CommandContext): void {
  backup
    .command('verify')
    .description('prove that a backup is whole, by default the newest; exit code 1 when it is not')
    .argument('[id]', 'the backup')
    .option(TARGET, TARGET_TEXT)
    .addOption(
      new Option(
        '--level <number>',
        '0 signature, 1 every chunk is there, 2 every chunk is read and opened, 3 rows and blobs fit',
      )
        .argParser(parseLevel)
        .default(3),
    )
    .option('--identity <file>', IDENTITY_TEXT)
    .option('--json', JSON_TEXT)
    .action(async (id: string | undefined, options: VerifyCommandOptions) => {
      const { verifyArchive } = await import('./backup-archive.ts');
      await verifyArchive(context, id, options);
    });
}

function addRestore(backup: Command, context: CommandContext): void {
  backup
    .command('restore')
    .description('put a backup, by default the newest, into an empty installation')
    .argument('[id]', 'the backup')
    .option(TARGET, TARGET_TEXT)
    .option('--identity <file>', IDENTITY_TEXT)
    .option('--signer <fingerprint>', 'refuse a backup that another installation has signed')
    .option('--write-secret-key <file>', 'write the LLAMP_SECRET_KEY of the backup into a new file')
    .option('--json', JSON_TEXT)
    .action(async (id: string | undefined, options: RestoreCommandOptions) => {
      const { restoreArchive } = await import('./backup-restore.ts');
      await restoreArchive(context, id, options);
    });
}

function addDrill(backup: Command, context: CommandContext): void {
  backup
    .command('drill')
    .description(
      'prove a backup, by default the newest, by restoring it into a temporary installation that is started and searched',
    )
    .argument('[id]', 'the backup')
    .option(TARGET, TARGET_TEXT)
    .option('--identity <file>', IDENTITY_TEXT)
    .option('--json', JSON_TEXT)
    .action(async (id: string | undefined, options: OpenerOptions) => {
      const { drillArchive } = await import('./backup-drill.ts');
      await drillArchive(context, id, options);
    });
}

function addPrune(backup: Command, context: CommandContext): void {
  backup
    .command('prune')
    .description('delete backups beyond those to keep, and chunks that no backup needs')
    .option(TARGET, TARGET_TEXT)
    .option('--keep <days,weeks,months>', 'by default LLAMP_BACKUP_KEEP', parseKeep)
    .option('--json', JSON_TEXT)
    .action(async (options: PruneCommandOptions) => {
      const { pruneArchives } = await import('./backup-create.ts');
      await pruneArchives(context, options);
    });
}

function addKeygen(backup: Command, context: CommandContext): void {
  backup
    .command('keygen')
    .description(
      'make the recovery key: the identity goes into a new file, to be kept off the server',
    )
    .argument('<file>', 'a new file for the identity')
    .option('--json', JSON_TEXT)
    .action(async (file: string, options: { json?: true }) => {
      const { makeRecoveryKey } = await import('./backup-archive.ts');
      await makeRecoveryKey(context, file, options);
    });
}

function parseLevel(text: string): number {
  if (!/^[0-3]$/.test(text)) throw new InvalidArgumentError('give 0, 1, 2 or 3');
  return Number(text);
}

function parseKeep(text: string) {
  if (!/^\d{1,4},\d{1,4},\d{1,4}$/.test(text))
    throw new InvalidArgumentError('write it like 7,4,12');
  const [daily = 0, weekly = 0, monthly = 0] = text.split(',').map(Number);
  return { daily, weekly, monthly };
}
