import { Command, CommanderError } from 'commander';
import { ConfigError, type Environment } from '../config/mistakes.ts';
import { StartError } from '../lib/start-error.ts';
import type { CommandContext } from './command-context.ts';
import { addConfigCommands } from './config.ts';
import {
  CommandError,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_CONFIGURATION,
  EXIT_WRONG_USAGE,
} from './exit-codes.ts';
import { addKeysCommands } from './keys.ts';
import { addKnowledgeCommands } from './knowledge.ts';
import { addMigrateCommand } from './migrate.ts';
import { type Output, terminalOutput } from './output.ts';
import { addServeCommand } from './serve.ts';
import { addUsersCommands } from './users.ts';
import { version } from './version.ts';

/** Runs one command line and returns its exit code; see exit-codes.ts for their meaning. */
export async function runCli(
  argv: readonly string[],
  env: Environment,
  output: Output = terminalOutput,
): Promise<number> {
  const program = createProgram({ env, output });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return EXIT_DONE;
  } catch (error) {
    return exitCodeOf(error, output);
  }
}

function createProgram(context: CommandContext): Command {
  const program = new Command('llamp')
    .description('Self-hosted LLM platform with an OpenAI-compatible API.')
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.output.print(text.trimEnd()),
      writeErr: (text) => context.output.error(text.trimEnd()),
    });
  addServeCommand(program, context);
  addMigrateCommand(program, context);
  addKeysCommands(program, context);
  addUsersCommands(program, context);
  addKnowledgeCommands(program, context);
  addConfigCommands(program, context);
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
