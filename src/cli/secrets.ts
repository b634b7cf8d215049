import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/config.ts';
import { countSecrets, type Rotation, rotateSecrets } from '../domains/ops/secrets/index.ts';
import type { SecretBox } from '../lib/secret-box.ts';
import { silentLog } from '../lib/log.ts';
import type { Database } from '../ports/database.ts';
import { createContext, openDatabaseOnly } from '../runtime.ts';
import {
  addKeyToFile,
  hasKeyFile,
  keepSealingKeyOnly,
  openVerifiedSecretBox,
} from '../secret-key.ts';
import { SEALED_COLUMNS } from '../sealed-columns.ts';
import { startFailure } from '../start-failure.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError } from './exit-codes.ts';
import type { Output } from './output.ts';

export function addSecretsCommands(program: Command, context: CommandContext): void {
  const secrets = program
    .command('secrets')
    .description('the key that seals stored secrets; an embedded server must be stopped');
  addStatus(secrets, context);
  addRotate(secrets, context);
}

function addStatus(secrets: Command, { env, output }: CommandContext): void {
  secrets
    .command('status')
    .description('which keys there are, and what each has sealed')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      await withSecrets(loadConfig(env), async ({ database, box }) => {
        const counts = await countSecrets(database, SEALED_COLUMNS);
        const keys = { sealing_key: box.keyId, older_keys: box.olderKeyIds };
        if (options.json) return output.json({ ...keys, secrets: counts });
        output.print(`sealing key ${box.keyId}; older keys: ${box.olderKeyIds.join(', ') || '-'}`);
        const rows = counts.flatMap(({ table, column, byKey }) =>
          Object.entries(byKey).map(([key, count]) => [`${table}.${column}`, key, String(count)]),
        );
        output.table(['COLUMN', 'KEY', 'SECRETS'], rows);
      });
    });
}

function addRotate(secrets: Command, { env, output }: CommandContext): void {
  secrets
    .command('rotate')
    .description('put every secret under the first key; servers on PostgreSQL may go on meanwhile')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const config = loadConfig(env);
      if (hasKeyFile(config)) return rotateKeyFile(config, output, options);
      await withSecrets(config, async ({ database, box }) => {
        if (box.olderKeyIds.length === 0) throw new CommandError(ONE_KEY);
        const rotation = await rotate(database, box, output, options);
        if (options.json) return;
        output.print(`LLAMP_SECRET_KEY may now be the first key alone (${box.keyId})`);
        output.print(`rewrapped ${rotation.rewrapped}, unchanged ${rotation.current}`);
      });
    });
}

const ONE_KEY =
  'LLAMP_SECRET_KEY holds one key; put a new one in front of it (`<new>,<old>`) on every instance first';

/** The file is ours, so the whole of it happens here; stopped at any point, it is run again. */
async function rotateKeyFile(
  config: Config,
  output: Output,
  options: { json?: true },
): Promise<void> {
  // Only a server that is stopped leaves the lock of the data folder, and only then may the file change.
  await withSecrets(config, async ({ box }) => {
    if (box.olderKeyIds.length === 0) await addKeyToFile(config);
  });
  await withSecrets(config, async ({ database, box }) => {
    const rotation = await rotate(database, box, output, options);
    await keepSealingKeyOnly(config);
    if (options.json) return;
    output.print(`secret.key is new (${box.keyId}); keep a copy of it apart from the backups`);
    output.print(`rewrapped ${rotation.rewrapped}, unchanged ${rotation.current}`);
  });
}

async function rotate(
  database: Database,
  box: SecretBox,
  output: Output,
  options: { json?: true },
): Promise<Rotation> {
  const rotation = await rotateSecrets(database, box, {
    columns: SEALED_COLUMNS,
    onProgress: ({ table, done }) => {
      if (!options.json) output.print(`${table}: ${done}`);
    },
  });
  const { rewrapped, current, unreadable } = rotation;
  if (options.json) output.json({ sealing_key: box.keyId, rewrapped, current, unreadable });
  if (unreadable.length === 0) return rotation;
  if (!options.json)
    for (const { table, key, reason } of unreadable) output.error(`${table} ${key}: ${reason}`);
  throw new CommandError(
    `${unreadable.length} secrets cannot be opened; enter them again or delete them, and keep the older keys until then`,
  );
}

async function withSecrets(
  config: Config,
  work: (opened: { database: Database; box: SecretBox }) => Promise<void>,
): Promise<void> {
  const context = createContext(config, silentLog);
  try {
    const { database, close } = await openDatabaseOnly(context);
    try {
      const box = await openVerifiedSecretBox(config, { database, clock: context.clock });
      if (box === undefined)
        throw new CommandError('LLAMP_SECRET_KEY is not set, so nothing is sealed');
      await work({ database, box });
    } finally {
      await close();
    }
  } catch (error) {
    throw startFailure(error, config.dataDirectory);
  }
}
