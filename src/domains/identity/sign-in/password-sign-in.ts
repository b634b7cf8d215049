import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { identityError } from '../errors.ts';
import type { PasswordHasher } from '../password.ts';
import { attemptNetwork } from './attempt-network.ts';
import { accountSubject, type AttemptThrottle } from './attempt-throttle.ts';
import { findAccount, listSignInAddresses } from './sign-in-repository.ts';

const ADDRESS_ATTEMPTS_MAX = 100;
const PAIR_ATTEMPTS_MAX = 10;
const ACCOUNT_ATTEMPTS_FREE = 20;
const DELAY_STEP_ATTEMPTS = 10;
const DELAY_FIRST_MS = 250;
const DELAY_MAX_MS = 4_000;
const KNOWN_ADDRESSES_MAX = 50;
const KNOWN_FOR_MS = 30 * 86_400_000;
// Parameters as for real ones, so that checking it takes as long; nobody knows a password for it.
const HASH_OF_NOBODY = `$argon2id$v=19$m=19456,t=2,p=1$${'nobody'.repeat(3)}nobA$${'A'.repeat(43)}`;

export interface PasswordSignInDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly passwords: PasswordHasher;
  readonly throttle: AttemptThrottle;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** From where the request came. */
  readonly address: string;
  readonly userAgent?: string | null;
}

export interface ProvenUser {
  readonly userId: string;
  readonly hasSecondFactor: boolean;
}

/** Checks e-mail and password; says neither by its answer nor by its time whether an account exists. */
export class PasswordSignIn {
  readonly #dependencies: PasswordSignInDependencies;

  constructor(dependencies: PasswordSignInDependencies) {
    this.#dependencies = dependencies;
  }

  async check({ email, password, address }: Credentials): Promise<ProvenUser> {
    const { database, passwords, throttle } = this.#dependencies;
    const name = email.toLowerCase();
    const pair = await this.#admit(name, attemptNetwork(address));
    const user = await findAccount(database, name);
    const passwordHash = user?.password_hash ?? HASH_OF_NOBODY;
    const isRight = await passwords.verify(passwordHash, password);
    if (!isRight || user === undefined || user.password_hash === null) {
      throw identityError('invalid_credentials', 'E-mail address or password is wrong.', {
        param: 'password',
      });
    }
    await throttle.forget(pair);
    return { userId: user.id, hasSecondFactor: user.has_second_factor };
  }

  /**
   * Before hashing, so that a flood is counted and costs no cores. Strict for an address, and for an account from one
   * address; an account as a whole is only slowed down, so that no stranger can lock its owner out.
   */
  async #admit(email: string, network: string): Promise<string> {
    const { throttle } = this.#dependencies;
    const account = accountSubject(email);
    const pair = `pair:${account}:${network}`;
    await throttle.admit(`address:${network}`, {
      attemptsMax: ADDRESS_ATTEMPTS_MAX,
      param: 'email',
    });
    await throttle.admit(pair, { attemptsMax: PAIR_ATTEMPTS_MAX, param: 'email' });
    const attempts = await throttle.count(`account:${account}`);
    const delayMs = attemptDelayMs(attempts);
    if (delayMs > 0 && !(await this.#isKnown(email, network)))
      await throttle.slowDown(delayMs, 'email');
    return pair;
  }

  /** Whoever signed in from there before does not pay for the attempts of strangers. */
  async #isKnown(email: string, network: string): Promise<boolean> {
    const { database, clock } = this.#dependencies;
    const since = new Date(clock.now().getTime() - KNOWN_FOR_MS);
    const limit = KNOWN_ADDRESSES_MAX;
    const addresses = await listSignInAddresses(database, { email, since, limit });
    return addresses.some((address) => attemptNetwork(address) === network);
  }
}

/** Doubles with every ten attempts beyond the first twenty, up to four seconds. */
export function attemptDelayMs(attempts: number): number {
  if (attempts <= ACCOUNT_ATTEMPTS_FREE) return 0;
  const doublings = Math.floor((attempts - ACCOUNT_ATTEMPTS_FREE - 1) / DELAY_STEP_ATTEMPTS);
  return Math.min(DELAY_MAX_MS, DELAY_FIRST_MS * 2 ** Math.min(doublings, 10));
}
