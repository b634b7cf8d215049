import { type Command, InvalidArgumentError, Option } from 'commander';
import { apiKeyObject, SCOPES, type Scope } from '../domains/identity/index.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError, EXIT_WRONG_USAGE } from './exit-codes.ts';
import { withIdentity } from './with-identity.ts';

const LIST_LIMIT = 1_000;
const NAME_MAX_LENGTH = 200;
const HOUR_MS = 3_600_000;

export function addKeysCommands(program: Command, context: CommandContext): void {
  const keys = program
    .command('keys')
    .description('API keys; an embedded server must be stopped, or use /api/v1/keys instead');
  addCreate(keys, context);
  addList(keys, context);
  addUpdate(keys, context);
  addRevoke(keys, context);
  addRotate(keys, context);
}

interface CreateOptions {
  readonly name: string;
  readonly scope: string[];
  readonly models?: string[];
  readonly allowAddress?: string[];
  readonly project?: string;
  readonly json?: true;
}

function addCreate(keys: Command, { env, output }: CommandContext): void {
  keys
    .command('create')
    .description('make a key; it is shown once')
    .requiredOption('--name <name>', 'what the key is for', parseName)
    .option('--scope <scope...>', `what it may be used for: ${SCOPES.join(', ')}`, ['inference'])
    .option('--models <name...>', 'the only models that it may name; without it, every one')
    .option('--allow-address <range...>', 'where it may be used from: addresses, networks')
    .option('--project <id>', 'another project than the first one')
    .option('--json', 'print JSON')
    .action(async (options: CreateOptions) => {
      const scopes = options.scope.map(parseScope);
      const created = await withIdentity(env, async ({ identity }) => {
        const owner = await identity.defaultOwner();
        return identity.createKey(owner, {
          name: options.name,
          scopes,
          models: options.models,
          addresses: options.allowAddress,
          projectId: options.project,
        });
      });
      if (options.json) return output.json({ ...apiKeyObject(created.key), key: created.secret });
      output.print(created.secret);
    });
}

function addList(keys: Command, { env, output }: CommandContext): void {
  keys
    .command('list')
    .description(`list keys, newest first, at most ${LIST_LIMIT}`)
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const { rows } = await withIdentity(env, async ({ identity }) =>
        identity.listKeys(await identity.defaultOwner(), { limit: LIST_LIMIT }),
      );
      if (options.json) return output.json({ data: rows.map(apiKeyObject) });
      output.table(
        ['ID', 'NAME', 'PREFIX', 'SCOPES', 'REVOKED'],
        rows.map((key) => [
          key.id,
          key.name,
          key.prefix,
          key.scopes.join(','),
          key.revoked_at?.toISOString() ?? '-',
        ]),
      );
    });
}

interface UpdateOptions {
  readonly name?: string;
  readonly scope?: string[];
  readonly models?: string[];
  readonly allModels?: true;
  readonly allowAddress?: string[];
  readonly anyAddress?: true;
  readonly expiresAt?: Date;
  readonly neverExpires?: true;
  readonly json?: true;
}

function addUpdate(keys: Command, { env, output }: CommandContext): void {
  keys
    .command('update <id>')
    .description('change a key; what is not named stays as it is')
    .option('--name <name>', 'what the key is for', parseName)
    .option('--scope <scope...>', `what it may be used for: ${SCOPES.join(', ')}`)
    .addOption(onlyOne('--models <name...>', 'the only models that it may name', 'allModels'))
    .option('--all-models', 'it may name every model')
    .addOption(onlyOne('--allow-address <range...>', 'where it may be used from', 'anyAddress'))
    .option('--any-address', 'it may be used from anywhere')
    .addOption(
      onlyOne(
        '--expires-at <time>',
        'when it ends, such as 2027-01-31T00:00Z',
        'neverExpires',
      ).argParser(parseTime),
    )
    .option('--never-expires', 'it has no end')
    .option('--json', 'print JSON')
    .action(async (id: string, options: UpdateOptions) => {
      const settings = settingsOf(options);
      const key = await withIdentity(env, async ({ identity }) =>
        identity.updateKey(await identity.defaultOwner(), id, settings),
      );
      if (options.json) return output.json(apiKeyObject(key));
      output.print(`updated ${id}`);
    });
}

function settingsOf(options: UpdateOptions) {
  const settings = {
    name: options.name,
    scopes: options.scope?.map(parseScope),
    models: options.allModels ? null : options.models,
    allowed_addresses: options.anyAddress ? null : options.allowAddress,
    expires_at: options.neverExpires ? null : options.expiresAt,
  };
  if (Object.values(settings).some((value) => value !== undefined)) return settings;
  throw new CommandError('name at least one thing to change', EXIT_WRONG_USAGE);
}

const onlyOne = (flags: string, description: string, other: string) =>
  new Option(flags, description).conflicts(other);

function addRevoke(keys: Command, { env, output }: CommandContext): void {
  keys
    .command('revoke <id>')
    .description('end a key at once')
    .action(async (id: string) => {
      await withIdentity(env, async ({ identity }) =>
        identity.revokeKey(await identity.defaultOwner(), id),
      );
      output.print(`revoked ${id}`);
    });
}

function addRotate(keys: Command, { env, output }: CommandContext): void {
  keys
    .command('rotate <id>')
    .description('make a new key with the same rights; the old one ends after the overlap')
    .option('--overlap-hours <hours>', 'how long both work', parseHours, 24)
    .option('--json', 'print JSON')
    .action(async (id: string, options: { overlapHours: number; json?: true }) => {
      const rotated = await withIdentity(env, async ({ identity }) => {
        const overlapMs = options.overlapHours * HOUR_MS;
        return identity.rotateKey(await identity.defaultOwner(), id, { overlapMs });
      });
      if (options.json) return output.json({ ...apiKeyObject(rotated.key), key: rotated.secret });
      output.print(rotated.secret);
    });
}

function parseScope(text: string): Scope {
  const scope = SCOPES.find((each) => each === text);
  if (scope !== undefined) return scope;
  throw new CommandError(`there is no scope ${text}, only ${SCOPES.join(', ')}`, EXIT_WRONG_USAGE);
}

function parseName(text: string): string {
  // Counted as the database does, by characters and not by UTF-16 units.
  const length = [...text].length;
  if (length >= 1 && length <= NAME_MAX_LENGTH) return text;
  throw new InvalidArgumentError(`give 1 to ${NAME_MAX_LENGTH} characters`);
}

function parseHours(text: string): number {
  const hours = Number(text);
  if (!Number.isFinite(hours) || hours < 0 || hours > 24 * 365) {
    throw new InvalidArgumentError('give hours from 0 to 8760');
  }
  return hours;
}

function parseTime(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('give a date and time');
  return time;
}
