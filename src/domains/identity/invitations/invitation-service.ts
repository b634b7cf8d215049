import { DatabaseError, type Transaction } from '../../../ports/database.ts';
import { type Changer, writeChange } from '../change.ts';
import { normalizedEmail } from '../email.ts';
import { cursorNotFound, identityError, projectNotFound, unusableLink } from '../errors.ts';
import type { OrganizationRole } from '../members/member.ts';
import {
  findOrganizationUserId,
  insertProjectMember,
  lockMembers,
} from '../members/member-repository.ts';
import { generateToken, hashToken } from '../one-time-link.ts';
import { requirePassword } from '../password.ts';
import type { PeopleDependencies } from '../people-dependencies.ts';
import { reachOf } from '../policy.ts';
import type { RequestOrigin } from '../principal.ts';
import { findProject } from '../project-repository.ts';
import { announceChange } from '../revision-repository.ts';
import type { Role } from '../role.ts';
import { requireStanding } from '../users/standing.ts';
import { insertOrganizationMember, insertUser } from '../users/user-repository.ts';
import { requireGrant } from './granting.ts';
import {
  findInvitation,
  findUsableInvitation,
  insertInvitation,
  type InvitationRow,
  listInvitations,
  noteAcceptance,
  revokeInvitation,
  revokeOpenInvitation,
  useInvitation,
} from './invitation-repository.ts';

const LIFE_MS = 7 * 86_400_000;
const UNIQUE_VIOLATION = '23505';

export interface InvitationInput {
  readonly email: string;
  readonly role: Role;
  /** Undefined: a role in the whole organization. */
  readonly projectId?: string;
}

export interface AcceptInput {
  readonly token: string;
  readonly name: string;
  readonly password: string;
}

/** Links by which people come in: each makes one user with one role, once. */
export class InvitationService {
  readonly #dependencies: PeopleDependencies;

  constructor(dependencies: PeopleDependencies) {
    this.#dependencies = dependencies;
  }

  /** A new link for that address; an open one of before ends. Its token cannot be read again. */
  async create(
    changer: Changer,
    input: InvitationInput,
  ): Promise<{ invitation: InvitationRow; token: string }> {
    const { database, clock } = this.#dependencies;
    const { organizationId } = changer;
    const email = normalizedEmail(input.email);
    const projectId = input.projectId ?? null;
    requireGrant(changer, { role: input.role, projectId });
    await this.#requireProject(organizationId, projectId);
    const token = generateToken();
    const now = clock.now();
    const invitation: InvitationRow = {
      id: clock.newId('inv_'),
      organization_id: organizationId,
      project_id: projectId,
      email,
      role: input.role,
      invited_by: changer.userId ?? null,
      created_at: now,
      expires_at: new Date(now.getTime() + LIFE_MS),
      accepted_at: null,
      revoked_at: null,
    };
    await database.transaction(async (transaction) => {
      await lockMembers(transaction, organizationId);
      const member = { organizationId, id: null, email };
      if ((await findOrganizationUserId(transaction, member)) !== undefined) throw alreadyMember();
      await revokeOpenInvitation(transaction, { organizationId, email, now });
      await insertInvitation(transaction, { ...invitation, tokenHash: hashToken(token) });
      await this.#record(transaction, changer, { action: 'invitations.create', invitation });
    });
    return { invitation, token };
  }

  /** Newest first; people who manage one project see the invitations of that project. */
  async list(
    changer: Changer,
    { after, limit }: { after?: string; limit: number },
  ): Promise<{ rows: InvitationRow[]; hasMore: boolean }> {
    const { database } = this.#dependencies;
    const scope = reachOf(changer);
    const cursor =
      after === undefined ? undefined : await findInvitation(database, { ...scope, id: after });
    if (after !== undefined && cursor === undefined) throw cursorNotFound(after);
    const position = cursor && { id: cursor.id, createdAt: cursor.created_at };
    // One more than asked for tells whether there is a next page.
    const rows = await listInvitations(database, { ...scope, after: position, limit: limit + 1 });
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  }

  /** Ends an open link. */
  async revoke(changer: Changer, id: string): Promise<void> {
    const { database, clock } = this.#dependencies;
    const scope = reachOf(changer);
    const invitation = await findInvitation(database, { ...scope, id });
    if (invitation === undefined) throw invitationNotFound(id);
    requireStanding(changer, invitation.role, 'invitation_id');
    await database.transaction(async (transaction) => {
      if (!(await revokeInvitation(transaction, { id, now: clock.now() })))
        throw invitationNotFound(id);
      await this.#record(transaction, changer, { action: 'invitations.revoke', invitation });
    });
  }

  /** Makes the user that the link stands for. A refused call leaves the link usable. */
  async accept(
    input: AcceptInput,
    origin?: RequestOrigin,
  ): Promise<{ userId: string; email: string }> {
    const { database, clock, passwords, onChange } = this.#dependencies;
    requirePassword(input.password);
    const use = { tokenHash: hashToken(input.token), now: clock.now() };
    // Before the hash, so that guessed tokens cost no hashing.
    if ((await findUsableInvitation(database, use)) === undefined) throw unusableLink();
    const passwordHash = await passwords.hash(input.password);
    const userId = clock.newId('user_');
    const user = { id: userId, name: input.name, passwordHash, createdAt: use.now };
    try {
      const email = await database.transaction(async (transaction) => {
        const invitation = await useInvitation(transaction, use);
        if (invitation === undefined) throw unusableLink();
        await insertMember(transaction, invitation, user);
        const { organization_id: organizationId } = invitation;
        const newcomer = { organizationId, kind: 'user' as const, userId, origin };
        await this.#record(transaction, newcomer, { action: 'invitations.accept', invitation });
        await announceChange(transaction);
        return invitation.email;
      });
      await onChange?.();
      return { userId, email };
    } catch (error) {
      if (error instanceof DatabaseError && error.sqlState === UNIQUE_VIOLATION)
        throw emailTaken(error);
      throw error;
    }
  }

  async #requireProject(organizationId: string, projectId: string | null): Promise<void> {
    if (projectId === null) return;
    const { database } = this.#dependencies;
    const filter = { organizationId, memberId: null, id: projectId };
    const project = await findProject(database, filter);
    if (project === undefined || project.archived_at !== null) throw projectNotFound(projectId);
  }

  /** The address is personal and stays out. */
  async #record(
    transaction: Transaction,
    changer: Changer,
    change: {
      action: 'invitations.create' | 'invitations.revoke' | 'invitations.accept';
      invitation: InvitationRow;
    },
  ): Promise<void> {
    const { action, invitation } = change;
    await writeChange(transaction, this.#dependencies, changer, {
      action,
      resource: { kind: 'invitation', id: invitation.id },
      projectId: invitation.project_id,
      changes: { role: { after: invitation.role } },
    });
  }
}

async function insertMember(
  transaction: Transaction,
  { organization_id: organizationId, project_id: projectId, email, role, id }: InvitationRow,
  user: { id: string; name: string; passwordHash: string; createdAt: Date },
): Promise<void> {
  const { id: userId, createdAt } = user;
  await insertUser(transaction, { ...user, email });
  const organizationRole = projectId === null ? organizationRoleOf(role) : 'member';
  const member = { organizationId, userId, role: organizationRole, createdAt };
  await insertOrganizationMember(transaction, member);
  if (projectId !== null)
    await transaction.execute(insertProjectMember({ projectId, userId, role, createdAt }));
  await noteAcceptance(transaction, { id, userId });
}

function organizationRoleOf(role: Role): OrganizationRole {
  return role === 'owner' || role === 'admin' || role === 'auditor' ? role : 'member';
}

const alreadyMember = () =>
  identityError('already_member', 'This address belongs to a user of the organization.', {
    param: 'email',
  });

const emailTaken = (cause: unknown) =>
  identityError('email_taken', 'Another user has this e-mail address.', { param: 'token', cause });

const invitationNotFound = (id: string) =>
  identityError('invitation_not_found', `No open invitation with id '${id}'.`, {
    param: 'invitation_id',
  });
