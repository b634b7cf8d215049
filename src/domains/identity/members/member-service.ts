import type { Clock } from '../../../ports/clock.ts';
import type { Database, Statement, Transaction } from '../../../ports/database.ts';
import type { Changer, RecordChange } from '../change.ts';
import { cursorNotFound, identityError, memberNotFound, projectNotFound } from '../errors.ts';
import { mayGrant, reachOf } from '../policy.ts';
import { findProject } from '../project-repository.ts';
import { announceChange } from '../revision-repository.ts';
import type { Page, PageOf } from '../service.ts';
import type { MemberPlace, MemberRole, MemberRow } from './member.ts';
import {
  countEnabledOwners,
  deleteMember,
  findMember,
  findOrganizationUserId,
  insertProjectMember,
  listMembers,
  lockMembers,
  revokeKeysOf,
  updateMember,
} from './member-repository.ts';

export interface MemberDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** Called after each committed change, so that this instance sees it at once. */
  readonly onChange?: () => Promise<unknown>;
  /** Writes each change down in its own transaction; without it nobody is told. */
  readonly recordChange?: RecordChange;
}

/** Who belongs to the organization and to its projects. Each change is in force on every instance within two seconds. */
export class MemberService {
  readonly #dependencies: MemberDependencies;

  constructor(dependencies: MemberDependencies) {
    this.#dependencies = dependencies;
  }

  /** Of a project, or with null of the organization; a project out of the caller's reach is missing. */
  async list(caller: Changer, projectId: string | null, page: Page): Promise<PageOf<MemberRow>> {
    const { database } = this.#dependencies;
    const place = await this.#placeOf(caller, projectId);
    const cursor =
      page.after === undefined ? undefined : await findMember(database, place, page.after);
    if (page.after !== undefined && cursor === undefined) throw cursorNotFound(page.after);
    const after = cursor && { id: cursor.id, createdAt: cursor.created_at };
    // One more than asked for tells whether there is a next page.
    const rows = await listMembers(database, place, { after, limit: page.limit + 1 });
    return { rows: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
  }

  /** Makes a user of the organization a member of a project. */
  async addToProject(
    caller: Changer,
    projectId: string,
    wanted: { userId: string | null; email: string | null; role: MemberRole },
  ): Promise<MemberRow> {
    const { clock } = this.#dependencies;
    const place = await this.#placeOf(caller, projectId);
    refuseHigherRole(caller, wanted.role);
    const { organizationId } = place;
    return this.#change(caller, place, async (transaction) => {
      const user = { organizationId, id: wanted.userId, email: wanted.email };
      const userId = await findOrganizationUserId(transaction, user);
      if (userId === undefined) throw unknownUser(wanted);
      if ((await findMember(transaction, place, userId)) !== undefined) throw alreadyMember();
      const member = { projectId, userId, role: wanted.role, createdAt: clock.now() };
      const changes = { role: { after: wanted.role } };
      return { userId, action: 'members.add', changes, statements: [insertProjectMember(member)] };
    });
  }

  /** Nobody changes somebody who stands above them, and the last owner stays one. */
  async setRole(
    caller: Changer,
    { projectId, userId, role }: { projectId: string | null; userId: string; role: MemberRole },
  ): Promise<MemberRow> {
    const place = await this.#placeOf(caller, projectId);
    refuseHigherRole(caller, role);
    return this.#change(caller, place, async (transaction) => {
      const member = await this.#changeable(transaction, caller, { place, userId });
      if (role !== 'owner') await refuseLastOwner(transaction, place, member);
      const changes = { role: { before: member.role, after: role } };
      const statements = [updateMember(place, userId, role)];
      return { userId, action: 'members.update', changes, statements };
    });
  }

  /** Takes somebody out of a project, or out of the organization and all its projects, and ends the keys they made. */
  async remove(
    caller: Changer,
    { projectId, userId }: { projectId: string | null; userId: string },
  ): Promise<void> {
    const place = await this.#placeOf(caller, projectId);
    await this.#change(caller, place, async (transaction) => {
      const member = await this.#changeable(transaction, caller, { place, userId });
      await refuseLastOwner(transaction, place, member);
      const now = this.#dependencies.clock.now();
      const statements = [...deleteMember(place, userId), revokeKeysOf(place, userId, now)];
      const changes = { role: { before: member.role } };
      return { userId, action: 'members.remove', changes, statements };
    });
  }

  async #placeOf(caller: Changer, projectId: string | null): Promise<MemberPlace> {
    const { organizationId, projectId: reached } = reachOf(caller);
    if (projectId === null) {
      // People with a role in a project only do not reach the organization's own list.
      if (reached !== null) throw organizationOutOfReach();
      return { organizationId, projectId };
    }
    const filter = { organizationId, memberId: null, id: projectId };
    const project = await findProject(this.#dependencies.database, filter);
    const isReached = reached === null || reached === projectId;
    if (project === undefined || project.archived_at !== null || !isReached) {
      throw projectNotFound(projectId);
    }
    return { organizationId, projectId };
  }

  async #changeable(
    transaction: Transaction,
    caller: Changer,
    { place, userId }: { place: MemberPlace; userId: string },
  ): Promise<MemberRow> {
    const member = await findMember(transaction, place, userId);
    if (member === undefined) throw memberNotFound(userId);
    refuseHigherRole(caller, member.role);
    return member;
  }

  async #change(
    caller: Changer,
    place: MemberPlace,
    decide: (transaction: Transaction) => Promise<MemberChange>,
  ): Promise<MemberRow> {
    const { database, recordChange, onChange } = this.#dependencies;
    const changed = await database.transaction(async (transaction) => {
      await lockMembers(transaction, place.organizationId);
      const { userId, action, changes, statements } = await decide(transaction);
      const before = await findMember(transaction, place, userId);
      for (const statement of statements) await transaction.execute(statement);
      const resource = { kind: 'member', id: userId };
      const { projectId } = place;
      const recorded = recordChange?.(caller, { action, resource, projectId, changes });
      if (recorded !== undefined) await transaction.execute(recorded);
      await announceChange(transaction);
      return (await findMember(transaction, place, userId)) ?? before;
    });
    await onChange?.();
    if (changed === undefined) throw new Error('a member was changed and is not there');
    return changed;
  }
}

interface MemberChange {
  readonly userId: string;
  readonly action: 'members.add' | 'members.update' | 'members.remove';
  readonly changes: Parameters<RecordChange>[1]['changes'];
  readonly statements: readonly Statement[];
}

async function refuseLastOwner(transaction: Transaction, place: MemberPlace, member: MemberRow) {
  const isOwner = place.projectId === null && member.role === 'owner';
  if (!isOwner || member.disabled_at !== null) return;
  if ((await countEnabledOwners(transaction, place.organizationId)) > 1) return;
  throw identityError('last_owner', 'The last owner of the organization cannot be taken away.', {
    param: 'user_id',
  });
}

function refuseHigherRole(caller: Changer, role: MemberRole): void {
  if (role === 'member' || mayGrant(caller, role)) return;
  throw identityError('role_not_held', `You cannot give, change or take the role '${role}'.`, {
    param: 'role',
  });
}

const organizationOutOfReach = () =>
  identityError('organization_out_of_reach', 'Your role reaches your projects only.');

const alreadyMember = () =>
  identityError('already_member', 'This user is a member of the project already.', {
    param: 'user_id',
  });

const unknownUser = ({ userId }: { userId: string | null }) =>
  identityError('user_not_found', 'The organization has no such user.', {
    param: userId === null ? 'email' : 'user_id',
  });
