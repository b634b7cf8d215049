import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { createLog } from '../lib/pino-log.ts';
import { createContext, migrateDatabase } from '../runtime.ts';
import { startFailure } from '../start-failure.ts';
import type { CommandContext } from './command-context.ts';
import { version } from './version.ts';

export function addMigrateCommand(program: Command, { env, output }: CommandContext): void {
  program
    .command('migrate')
    .description('bring the database to the schema of this release; safe to repeat')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const config = loadConfig(env);
      const result = await run(config);
      if (options.json) return output.json(result);
      for (const name of result.applied) output.print(`applied ${name}`);
      output.print(`the database has schema ${result.to}`);
    });
}

async function run(config: Config) {
  // Only the result goes to standard output; failures are one sentence on standard error.
  const log = createLog({ level: 'silent', serviceName: 'llamp', serviceVersion: version() });
  try {
    return await migrateDatabase(createContext(config, log));
  } catch (error) {
    throw startFailure(error, config.dataDirectory);
  }
}
