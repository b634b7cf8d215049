import type { Transaction } from '../../../ports/database.ts';
import { type Changer, writeChange } from '../change.ts';
import { normalizedEmail } from '../email.ts';
import { identityError, unusableLink, userNotFound } from '../errors.ts';
import type { MemberRow } from '../members/member.ts';
import {
  countEnabledOwners,
  findMember,
  findOrganizationUserId,
  lockMembers,
} from '../members/member-repository.ts';
import { generateToken, hashToken } from '../one-time-link.ts';
import {
  cancelOneTimeLinks,
  findOneTimeLink,
  insertOneTimeLink,
  useOneTimeLink,
} from '../one-time-link-repository.ts';
import { requirePassword } from '../password.ts';
import type { PeopleDependencies } from '../people-dependencies.ts';
import type { RequestOrigin } from '../principal.ts';
import { announceChange } from '../revision-repository.ts';
import { removeSecondFactor } from '../sign-in/remove-second-factor.ts';
import { deleteTicketsOf } from '../sign-in/second-factor-repository.ts';
import { endSessionsOf } from '../sign-in/session-repository.ts';
import { requireOrganizationReach, requireStanding } from './standing.ts';
import { cancelOpenInvitationsBy, replacePassword, setDisabled } from './user-repository.ts';

const RESET_LINK_LIFE_MS = 86_400_000;

/** Users as others see them: in force or not, and the way back in for those who forgot. */
export class UserService {
  readonly #dependencies: PeopleDependencies;

  constructor(dependencies: PeopleDependencies) {
    this.#dependencies = dependencies;
  }

  /** Ends sessions, tokens and keys of a user on every instance. The last owner of an organization stays. */
  async disable(changer: Changer, userId: string): Promise<void> {
    const { database, clock, onChange } = this.#dependencies;
    await database.transaction(async (transaction) => {
      const user = await changeableMember(transaction, changer, userId);
      if (user.disabled_at !== null) return;
      if (user.role === 'owner') await requireAnotherOwner(transaction, changer);
      const now = clock.now();
      await setDisabled(transaction, { userId, disabledAt: now });
      await endSessionsOf(transaction, { userId, reason: 'user_disabled', now });
      await deleteTicketsOf(transaction, userId);
      await cancelOpenInvitationsBy(transaction, { userId, now });
      await writeChange(transaction, this.#dependencies, changer, {
        action: 'users.disable',
        resource: { kind: 'user', id: userId },
        projectId: null,
        changes: { disabled: { before: false, after: true } },
      });
      await announceChange(transaction);
    });
    await onChange?.();
  }

  /** The user may sign in again, and their keys work again; sessions of before stay ended. */
  async enable(changer: Changer, userId: string): Promise<void> {
    const { database, onChange } = this.#dependencies;
    await database.transaction(async (transaction) => {
      const user = await changeableMember(transaction, changer, userId);
      if (user.disabled_at === null) return;
      await setDisabled(transaction, { userId, disabledAt: null });
      await writeChange(transaction, this.#dependencies, changer, {
        action: 'users.enable',
        resource: { kind: 'user', id: userId },
        projectId: null,
        changes: { disabled: { before: true, after: false } },
      });
      await announceChange(transaction);
    });
    await onChange?.();
  }

  /** Takes the second factor away from somebody who lost it with every recovery code; for the operator. */
  async resetSecondFactor(changer: Changer, userId: string): Promise<void> {
    const { database, clock, recordChange, onChange } = this.#dependencies;
    await database.transaction(async (transaction) => {
      await changeableMember(transaction, changer, userId);
      await removeSecondFactor(
        transaction,
        { changer, recordChange },
        { userId, now: clock.now() },
      );
    });
    await onChange?.();
  }

  /** The id of the user with that address, for the command line. */
  async idOf({ organizationId }: Pick<Changer, 'organizationId'>, email: string): Promise<string> {
    const { database } = this.#dependencies;
    const user = { organizationId, id: null, email: normalizedEmail(email) };
    const id = await findOrganizationUserId(database, user);
    if (id !== undefined) return id;
    throw identityError('user_not_found', 'No user has this e-mail address.', { param: 'email' });
  }

  /** Token of a new link that sets the password of a user, once; older ones of theirs end. */
  async createPasswordReset(
    changer: Changer,
    email: string,
  ): Promise<{ token: string; expiresAt: Date }> {
    const { database, clock } = this.#dependencies;
    const userId = await this.idOf(changer, email);
    const token = generateToken();
    const createdAt = clock.now();
    const expiresAt = new Date(createdAt.getTime() + RESET_LINK_LIFE_MS);
    const purpose = 'password_reset' as const;
    await database.transaction(async (transaction) => {
      await cancelOneTimeLinks(transaction, { userId, purpose, now: createdAt });
      const tokenHash = hashToken(token);
      await insertOneTimeLink(transaction, { tokenHash, userId, purpose, createdAt, expiresAt });
      await writeChange(transaction, this.#dependencies, changer, {
        action: 'users.request_password_reset',
        resource: { kind: 'user', id: userId },
        projectId: null,
      });
    });
    return { token, expiresAt };
  }

  /** Redeems such a link. A second factor stays in force. A refused call leaves the link usable. */
  async resetPassword(
    input: { token: string; password: string },
    origin?: RequestOrigin,
  ): Promise<void> {
    const { database, clock, passwords, onChange } = this.#dependencies;
    requirePassword(input.password);
    const purpose = 'password_reset' as const;
    const link = { tokenHash: hashToken(input.token), purpose, now: clock.now() };
    // Before the hash, so that guessed tokens cost no hashing.
    const user = await findOneTimeLink(database, link);
    if (user === undefined) throw unusableLink();
    const { userId } = user;
    const passwordHash = await passwords.hash(input.password);
    await database.transaction(async (transaction) => {
      if (!(await useOneTimeLink(transaction, link))) throw unusableLink();
      await replacePassword(transaction, { userId, passwordHash });
      const { now } = link;
      await endSessionsOf(transaction, { userId, reason: 'password_changed', now });
      await deleteTicketsOf(transaction, userId);
      await writeChange(
        transaction,
        this.#dependencies,
        { ...user, kind: 'user', origin },
        {
          action: 'users.reset_password',
          resource: { kind: 'user', id: userId },
          projectId: null,
        },
      );
      await announceChange(transaction);
    });
    await onChange?.();
  }
}

/** A user of the organization that the caller may act on; other changes of its members wait. */
async function changeableMember(
  transaction: Transaction,
  changer: Changer,
  userId: string,
): Promise<MemberRow> {
  requireOrganizationReach(changer, 'user_id');
  const { organizationId } = changer;
  await lockMembers(transaction, organizationId);
  const member = await findMember(transaction, { organizationId, projectId: null }, userId);
  if (member === undefined) throw userNotFound(userId);
  requireStanding(changer, member.role, 'user_id');
  return member;
}

async function requireAnotherOwner(
  transaction: Transaction,
  { organizationId }: Changer,
): Promise<void> {
  if ((await countEnabledOwners(transaction, organizationId)) > 1) return;
  throw identityError('last_owner', 'The last owner of an organization cannot be disabled.', {
    param: 'user_id',
  });
}
