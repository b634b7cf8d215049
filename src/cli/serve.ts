import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

export function addServeCommand(program: Command, { env, output }: CommandContext): void {
  program
    .command('serve')
    .description('run the server until SIGTERM or SIGINT')
    .action(async () => {
      // Loaded here, so that the other commands do not wait for the whole server.
      const { runServer } = await import('./run-server.ts');
      await runServer(env, output);
    });
}
