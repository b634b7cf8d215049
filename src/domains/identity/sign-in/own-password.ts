import { identityError } from '../errors.ts';
import type { PeopleDependencies } from '../people-dependencies.ts';
import { findPassword, type PasswordRow } from '../users/user-repository.ts';
import type { AttemptThrottle } from './attempt-throttle.ts';

const ATTEMPTS_MAX = 10;

/** Asks people who are signed in for their password again, before what a stolen session must not do. */
export class OwnPassword {
  readonly #dependencies: Pick<PeopleDependencies, 'database' | 'passwords'>;
  readonly #throttle: AttemptThrottle;

  constructor(
    dependencies: Pick<PeopleDependencies, 'database' | 'passwords'>,
    throttle: AttemptThrottle,
  ) {
    this.#dependencies = dependencies;
    this.#throttle = throttle;
  }

  /** Throws when the password is not the user's; `param` is the field that held it. */
  async confirm(userId: string, password: string, param: string): Promise<PasswordRow> {
    const { database, passwords } = this.#dependencies;
    const subject = `password:${userId}`;
    await this.#throttle.admit(subject, { attemptsMax: ATTEMPTS_MAX, param });
    const user = await findPassword(database, userId);
    const hash = user?.password_hash ?? null;
    if (user === undefined || hash === null || !(await passwords.verify(hash, password)))
      throw identityError('wrong_password', 'The present password is wrong.', { param });
    await this.#throttle.forget(subject);
    return user;
  }
}
