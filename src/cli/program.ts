import { Command, CommanderError } from 'commander';
import { ConfigError, type Environment } from '../config/mistakes.ts';
import { StartError } from '../lib/start-error.ts';
import type { CommandContext } from './command-context.ts';
import {
  CommandError,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_CONFIGURATION,
  EXIT_WRONG_USAGE,
} from './exit-codes.ts';
import { type Output, terminalOutput } from './output.ts';
import { version } from './version.ts';

type AddCommands = (program: Command, context: CommandContext) => void;

const COMMANDS: Readonly<Record<string, () => Promise<AddCommands>>> = {
  serve: async () => (await import('./serve.ts')).addServeCommand,
  migrate: async () => (await import('./migrate.ts')).addMigrateCommand,
  doctor: async () => (await import('./doctor.ts')).addDoctorCommand,
  keys: async () => (await import('./keys.ts')).addKeysCommands,
  users: async () => (await import('./users.ts')).addUsersCommands,
  knowledge: async () => (await import('./knowledge.ts')).addKnowledgeCommands,
  audit: async () => (await import('./audit.ts')).addAuditCommands,
  secrets: async () => (await import('./secrets.ts')).addSecretsCommands,
  backup: async () => (await import('./backup.ts')).addBackupCommands,
  config: async () => (await import('./config.ts')).addConfigCommands,
};

/** Runs one command line and returns its exit code; see exit-codes.ts for their meaning. */
export async function runCli(
  argv: readonly string[],
  env: Environment,
  output: Output = terminalOutput,
): Promise<number> {
  try {
    const program = await createProgram({ env, output }, argv[0]);
    await program.parseAsync([...argv], { from: 'user' });
    return EXIT_DONE;
  } catch (error) {
    return exitCodeOf(error, output);
  }
}

/** Only the named command is loaded: a server does not wait for what another one needs. */
async function createProgram(context: CommandContext, name = ''): Promise<Command> {
  const program = new Command('llamp')
    .description('Self-hosted LLM platform with an OpenAI-compatible API.')
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.output.print(text.trimEnd()),
      writeErr: (text) => context.output.error(text.trimEnd()),
    });
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  for (const load of named === undefined ? Object.values(COMMANDS) : [named]) {
    const addCommands = await load();
    addCommands(program, context);
  }
  return program;
}

function exitCodeOf(error: unknown, output: Output): number {
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_WRONG_USAGE;
  if (error instanceof ConfigError) {
    output.error(error.message);
    return EXIT_WRONG_CONFIGURATION;
  }
  if (error instanceof CommandError || error instanceof StartError) {
    output.error(`llamp: ${error.message}`);
    return error instanceof CommandError ? error.exitCode : EXIT_FAILED;
  }
  output.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT_FAILED;
}
