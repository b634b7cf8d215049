import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CommandError } from './exit-codes.ts';

export function addKnowledgeCommands(program: Command, { env, output }: CommandContext): void {
  program
    .command('knowledge')
    .description('knowledge bases')
    .command('rebuild')
    .description('make the vector index again from what is stored; calls no model')
    .option('--repair', 'keep the index and put back only what is missing')
    .option('--json', 'print JSON')
    .action(async (options: { repair?: true; json?: true }) => {
      const { rebuildKnowledge } = await import('./rebuild-knowledge.ts');
      const results = await rebuildKnowledge(env, { keepIndex: options.repair === true });
      if (options.json) output.json({ collections: results });
      else {
        output.table(
          ['COLLECTION', 'FILES', 'CHUNKS', 'RESTORED', 'FAILED'],
          results.map((result) => [
            result.collection,
            String(result.generations),
            String(result.chunks),
            String(result.restored),
            String(result.failed.length),
          ]),
        );
      }
      const failed = results.flatMap((result) => result.failed);
      for (const { generationId, reason } of failed) output.error(`${generationId}: ${reason}`);
      if (failed.length > 0) throw new CommandError(`${failed.length} could not be restored`);
    });
}
