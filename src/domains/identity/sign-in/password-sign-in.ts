import { hash } from 'node:crypto';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { identityError } from '../errors.ts';
import type { PasswordHasher } from '../password.ts';
import { countAttempt, findAccount, forgetAttempts } from './sign-in-repository.ts';

const WINDOW_MS = 15 * 60_000;
const ACCOUNT_ATTEMPTS_MAX = 10;
const ADDRESS_ATTEMPTS_MAX = 100;
// Parameters as for real ones, so that checking it takes as long; nobody knows a password for it.
const HASH_OF_NOBODY = `$argon2id$v=19$m=19456,t=2,p=1$${'nobody'.repeat(3)}nobA$${'A'.repeat(43)}`;

export interface PasswordSignInDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly passwords: PasswordHasher;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** From where the request came. */
  readonly address: string;
}

/** Checks e-mail and password; says neither by its answer nor by its time whether an account exists. */
export class PasswordSignIn {
  readonly #dependencies: PasswordSignInDependencies;

  constructor(dependencies: PasswordSignInDependencies) {
    this.#dependencies = dependencies;
  }

  /** Returns the user's id. */
  async check({ email, password, address }: Credentials): Promise<string> {
    const { database, clock, passwords } = this.#dependencies;
    const name = email.toLowerCase();
    const account = `account:${hash('sha256', name, 'base64url')}`;
    // Before hashing, so that a flood is counted and costs no cores.
    await this.#admit(`address:${address}`, ADDRESS_ATTEMPTS_MAX);
    await this.#admit(account, ACCOUNT_ATTEMPTS_MAX);
    const user = await findAccount(database, name);
    const passwordHash = user?.password_hash ?? HASH_OF_NOBODY;
    const isRight = await passwords.verify(passwordHash, password);
    if (!isRight || user === undefined || user.password_hash === null) {
      throw identityError('invalid_credentials', 'E-mail address or password is wrong.', {
        param: 'password',
      });
    }
    await forgetAttempts(database, { subject: account, now: clock.now() });
    return user.id;
  }

  async #admit(subject: string, attemptsMax: number): Promise<void> {
    const { database, clock } = this.#dependencies;
    const now = clock.now();
    const windowEndsAt = new Date(now.getTime() + WINDOW_MS);
    const counted = await countAttempt(database, { subject, now, windowEndsAt });
    if (counted === undefined || counted.attempts <= attemptsMax) return;
    throw identityError('too_many_sign_ins', 'Too many attempts to sign in. Wait and try again.', {
      param: 'email',
      retryAfterMs: Math.max(1_000, counted.window_ends_at.getTime() - now.getTime()),
    });
  }
}
