import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addPeopleCommands } from './people.ts';
import { oneTimeLinkUrl } from './welcome.ts';
import { withIdentity } from './with-identity.ts';

const LIST_LIMIT = 1_000;

export function addUsersCommands(program: Command, context: CommandContext): void {
  const { env, output } = context;
  const users = program.command('users').description('the people of this installation');
  users
    .command('list')
    .description(`list users, at most ${LIST_LIMIT}`)
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const { rows } = await withIdentity(env, async ({ identity }) =>
        identity.listUsers(await identity.defaultOwner(), { limit: LIST_LIMIT }),
      );
      const people = rows.map(({ id, email, name }) => ({ id, email, name }));
      if (options.json) return output.json({ data: people });
      output.table(
        ['ID', 'EMAIL', 'NAME'],
        people.map(({ id, email, name }) => [id, email, name]),
      );
    });
  users
    .command('link')
    .description('print a new one-time link that sets the password of an administrator')
    .option('--email <address>', 'of which administrator; the first one without it')
    .action(async (options: { email?: string }) => {
      const link = await withIdentity(env, async ({ setup, url }) => {
        const { token, expiresAt } = await setup.createOneTimeLink({ email: options.email });
        return { address: oneTimeLinkUrl(url, token), expiresAt };
      });
      output.print(link.address);
      output.print(`valid once, until ${link.expiresAt.toISOString()}`);
    });
  addPeopleCommands(users, context);
}
