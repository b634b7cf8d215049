import type { Command } from 'commander';
import { type Role, ROLES } from '../domains/identity/index.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError, EXIT_WRONG_USAGE } from './exit-codes.ts';
import { withIdentity } from './with-identity.ts';

interface InviteOptions {
  readonly role: string;
  readonly project?: string;
  readonly json?: true;
}

/** What an operator does for people: links that let them in, users in and out of force, keys that sign. */
export function addPeopleCommands(users: Command, context: CommandContext): void {
  addInvite(users, context);
  addResetPassword(users, context);
  addDisableAndEnable(users, context);
  addDisableTotp(users, context);
  addRotateSigningKey(users, context);
}

function addInvite(users: Command, { env, output }: CommandContext): void {
  users
    .command('invite <email>')
    .description('print a link by which somebody becomes a user; it works once, for seven days')
    .requiredOption('--role <role>', `one of ${ROLES.join(', ')}`)
    .option('--project <id>', 'a role in this project alone; without it in the organization')
    .option('--json', 'print JSON')
    .action(async (email: string, options: InviteOptions) => {
      const role = parseRole(options.role);
      const made = await withIdentity(env, async ({ identity, invitations, url }) => {
        const { organizationId } = await identity.defaultOwner();
        const input = { email, role, projectId: options.project };
        const { invitation, token } = await invitations.create({ organizationId }, input);
        const link = `${url}/accept-invitation?token=${encodeURIComponent(token)}`;
        return { id: invitation.id, link, expiresAt: invitation.expires_at };
      });
      if (options.json) return output.json({ id: made.id, url: made.link });
      output.print(made.link);
      output.print(`valid once, until ${made.expiresAt.toISOString()}`);
    });
}

function addResetPassword(users: Command, { env, output }: CommandContext): void {
  users
    .command('reset-password <email>')
    .description('print a link by which a user sets a new password; it works once, for a day')
    .action(async (email: string) => {
      const made = await withIdentity(env, async ({ identity, users: service, url }) => {
        const { organizationId } = await identity.defaultOwner();
        const { token, expiresAt } = await service.createPasswordReset({ organizationId }, email);
        return { link: `${url}/reset-password?token=${encodeURIComponent(token)}`, expiresAt };
      });
      output.print(made.link);
      output.print(`valid once, until ${made.expiresAt.toISOString()}`);
    });
}

function addDisableAndEnable(users: Command, { env, output }: CommandContext): void {
  for (const verb of ['disable', 'enable'] as const) {
    const what =
      verb === 'disable'
        ? 'end sessions and keys of a user, and refuse new sessions'
        : 'let a disabled user sign in again; keys work again';
    users
      .command(`${verb} <email>`)
      .description(what)
      .action(async (email: string) => {
        await withIdentity(env, async ({ identity, users: service }) => {
          const { organizationId } = await identity.defaultOwner();
          const userId = await service.idOf({ organizationId }, email);
          await service[verb]({ organizationId }, userId);
        });
        output.print(`${verb}d ${email}`);
      });
  }
}

function addDisableTotp(users: Command, { env, output }: CommandContext): void {
  users
    .command('disable-totp <email>')
    .description('take the authenticator away from a user who lost it with every recovery code')
    .action(async (email: string) => {
      await withIdentity(env, async ({ identity, users: service }) => {
        const { organizationId } = await identity.defaultOwner();
        const userId = await service.idOf({ organizationId }, email);
        await service.resetSecondFactor({ organizationId }, userId);
      });
      output.print(`disabled the second factor of ${email}`);
    });
}

function addRotateSigningKey(users: Command, { env, output }: CommandContext): void {
  users
    .command('rotate-signing-key')
    .description('publish the next key that signs access tokens; tokens in force stay so')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const key = await withIdentity(env, async ({ identity, rotateSigningKey }) => {
        const { organizationId } = await identity.defaultOwner();
        return rotateSigningKey({ organizationId });
      });
      const from = key.active_from.toISOString();
      if (options.json) return output.json({ id: key.id, active_from: from });
      output.print(`${key.id} signs from ${from}`);
    });
}

function parseRole(text: string): Role {
  const role = ROLES.find((each) => each === text);
  if (role !== undefined) return role;
  throw new CommandError(`there is no role ${text}, only ${ROLES.join(', ')}`, EXIT_WRONG_USAGE);
}
