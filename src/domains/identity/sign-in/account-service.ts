import { writeChange } from '../change.ts';
import { cursorNotFound, identityError } from '../errors.ts';
import { requirePassword } from '../password.ts';
import type { PeopleDependencies } from '../people-dependencies.ts';
import type { Person } from '../person.ts';
import { replacePassword } from '../users/user-repository.ts';
import type { OwnPassword } from './own-password.ts';
import { SESSION_IDLE_MS } from './refresh-token.ts';
import { deleteTicketsOf } from './second-factor-repository.ts';
import {
  announceSignInChange,
  endSessionOf,
  endSessionsOf,
  findSessionOf,
  listSessionsOf,
  type OwnSessionRow,
} from './session-repository.ts';

export interface AccountDependencies extends PeopleDependencies {
  readonly ownPassword: OwnPassword;
}

/** What people do with their own account. */
export class AccountService {
  readonly #dependencies: AccountDependencies;

  constructor(dependencies: AccountDependencies) {
    this.#dependencies = dependencies;
  }

  /** Asks for the present password, and ends every other session: whoever knew the old one is out. */
  async changePassword(person: Person, input: { current: string; next: string }): Promise<void> {
    const { database, clock, passwords, ownPassword, onChange } = this.#dependencies;
    const { userId, sessionId } = person;
    requirePassword(input.next, 'new_password');
    const before = await ownPassword.confirm(userId, input.current, 'current_password');
    const passwordHash = await passwords.hash(input.next);
    const expectedHash = before.password_hash ?? '';
    await database.transaction(async (transaction) => {
      // Somebody else may have changed it while this one was hashed.
      if (!(await replacePassword(transaction, { userId, passwordHash, expectedHash })))
        throw changedMeanwhile();
      await endSessionsOf(transaction, {
        userId,
        reason: 'password_changed',
        now: clock.now(),
        exceptSessionId: sessionId,
      });
      await deleteTicketsOf(transaction, userId);
      await writeChange(transaction, this.#dependencies, person, {
        action: 'users.change_password',
        resource: { kind: 'user', id: userId },
        projectId: null,
      });
      await announceSignInChange(transaction);
    });
    await onChange?.();
  }

  /** Open sessions, newest first. */
  async listSessions(
    { userId }: Person,
    { after, limit }: { after?: string; limit: number },
  ): Promise<{ rows: OwnSessionRow[]; hasMore: boolean }> {
    const { database, clock } = this.#dependencies;
    const cursor =
      after === undefined ? undefined : await findSessionOf(database, { userId, id: after });
    if (after !== undefined && cursor === undefined) throw cursorNotFound(after);
    const now = clock.now();
    const idleSince = new Date(now.getTime() - SESSION_IDLE_MS);
    const position =
      after === undefined || cursor === undefined
        ? undefined
        : { id: after, createdAt: cursor.created_at };
    // One more than asked for tells whether there is a next page.
    const page = { userId, now, idleSince, after: position, limit: limit + 1 };
    const rows = await listSessionsOf(database, page);
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  }

  /** Ends one session of the person, the present one included. */
  async endSession(person: Person, sessionId: string): Promise<void> {
    const { database, clock, onChange } = this.#dependencies;
    const { userId } = person;
    await database.transaction(async (transaction) => {
      if (!(await endSessionOf(transaction, { userId, sessionId, now: clock.now() })))
        throw sessionNotFound(sessionId);
      await writeChange(transaction, this.#dependencies, person, {
        action: 'sessions.end',
        resource: { kind: 'session', id: sessionId },
        projectId: null,
      });
      await announceSignInChange(transaction);
    });
    await onChange?.();
  }

  /** Ends every session of the person but the present one. Returns how many. */
  async endOtherSessions(person: Person): Promise<number> {
    const { database, clock, onChange } = this.#dependencies;
    const { userId, sessionId: exceptSessionId } = person;
    const ended = await database.transaction(async (transaction) => {
      const end = { userId, reason: 'signed_out' as const, now: clock.now(), exceptSessionId };
      const count = await endSessionsOf(transaction, end);
      if (count === 0) return 0;
      await writeChange(transaction, this.#dependencies, person, {
        action: 'sessions.end',
        resource: { kind: 'user', id: userId },
        projectId: null,
        changes: { ended_sessions: { after: count } },
      });
      await announceSignInChange(transaction);
      return count;
    });
    await onChange?.();
    return ended;
  }
}

const sessionNotFound = (id: string) =>
  identityError('session_not_found', `You have no open session '${id}'.`, { param: 'session_id' });

const changedMeanwhile = () =>
  identityError('wrong_password', 'The password was changed in between.', {
    param: 'current_password',
  });
