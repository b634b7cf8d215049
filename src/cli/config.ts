import type { Command } from 'commander';
import { loadConfig, loadVariables } from '../config/load.ts';
import { printableConfig } from '../config/redact.ts';
import type { CommandContext } from './command-context.ts';

export function addConfigCommands(program: Command, { env, output }: CommandContext): void {
  const config = program.command('config').description('show or check the configuration');
  config
    .command('print')
    .description('print every variable with its value and where it came from; secrets are masked')
    .option('--json', 'print JSON')
    .action((options: { json?: true }) => {
      const variables = printableConfig(loadVariables(env));
      if (options.json) return output.json({ variables });
      output.table(
        ['VARIABLE', 'VALUE', 'SOURCE'],
        variables.map((each) => [each.name, each.value ?? '-', each.source]),
      );
    });
  config
    .command('check')
    .description(
      'check the configuration and the file of models; every mistake is named, exit code 78 when there is one',
    )
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const { configFile } = loadConfig(env);
      if (configFile !== undefined) {
        // Loaded for whoever has such a file.
        const { checkModelsFile } = await import('../models-from-config.ts');
        await checkModelsFile(configFile);
      }
      if (options.json) output.json({ ok: true });
      else output.print('the configuration is right');
    });
}
