import { hash } from 'node:crypto';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { identityError } from '../errors.ts';
import { countAttempt, forgetAttempts } from './sign-in-repository.ts';

const WINDOW_MS = 15 * 60_000;
const SLOWED_MAX = 200;
const SLOWED_RETRY_MS = 5_000;

export interface ThrottleDependencies {
  readonly database: Database;
  readonly clock: Clock;
}

/** Counts attempts in SQL, for all instances together: it holds while Redis is away, and a restart forgets nothing. */
export class AttemptThrottle {
  readonly #dependencies: ThrottleDependencies;
  #slowed = 0;

  constructor(dependencies: ThrottleDependencies) {
    this.#dependencies = dependencies;
  }

  /** Counts an attempt; refuses it when the window has had as many as it allows. */
  async admit(subject: string, limit: { attemptsMax: number; param: string }): Promise<void> {
    const now = this.#dependencies.clock.now();
    const { attempts, windowEndsAt } = await this.#count(subject, now);
    if (attempts <= limit.attemptsMax) return;
    throw tooMany(limit.param, windowEndsAt.getTime() - now.getTime());
  }

  /** Counts an attempt and returns how many the window has. */
  async count(subject: string): Promise<number> {
    return (await this.#count(subject, this.#dependencies.clock.now())).attempts;
  }

  async forget(subject: string): Promise<void> {
    const { database, clock } = this.#dependencies;
    await forgetAttempts(database, { subject, now: clock.now() });
  }

  /** Lets an attempt wait; of those that wait at once a bounded number is kept. */
  async slowDown(delayMs: number, param: string): Promise<void> {
    if (delayMs === 0) return;
    if (this.#slowed >= SLOWED_MAX) throw tooMany(param, SLOWED_RETRY_MS);
    this.#slowed += 1;
    try {
      await this.#dependencies.clock.sleep(delayMs);
    } finally {
      this.#slowed -= 1;
    }
  }

  async #count(subject: string, now: Date) {
    const windowEndsAt = new Date(now.getTime() + WINDOW_MS);
    const { database } = this.#dependencies;
    const counted = await countAttempt(database, { subject, now, windowEndsAt });
    return {
      attempts: counted?.attempts ?? 1,
      windowEndsAt: counted?.window_ends_at ?? windowEndsAt,
    };
  }
}

/** How an account stands in a counted subject: as a hash, known or not. */
export const accountSubject = (email: string): string => hash('sha256', email, 'base64url');

const tooMany = (param: string, waitMs: number) =>
  identityError('too_many_sign_ins', 'Too many attempts to sign in. Wait and try again.', {
    param,
    retryAfterMs: Math.max(1_000, waitMs),
  });
