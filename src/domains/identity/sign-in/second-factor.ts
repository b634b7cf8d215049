import { randomBytes } from 'node:crypto';
import type { SealedColumn } from '../../../lib/sealed-column.ts';
import { type SecretBox, SecretBoxError } from '../../../lib/secret-box.ts';
import type { Transaction } from '../../../ports/database.ts';
import { writeChange } from '../change.ts';
import { identityError, signInUnavailable } from '../errors.ts';
import type { PeopleDependencies } from '../people-dependencies.ts';
import type { Person } from '../person.ts';
import type { AttemptThrottle } from './attempt-throttle.ts';
import type { OwnPassword } from './own-password.ts';
import { generateRecoveryCodes, hashRecoveryCode } from './recovery-codes.ts';
import { removeSecondFactor, secondFactorMissing } from './remove-second-factor.ts';
import {
  confirmSeed,
  findSecondFactor,
  insertPendingSeed,
  insertRecoveryCodes,
  useRecoveryCode,
  useStep,
} from './second-factor-repository.ts';
import { announceSignInChange, endSessionsOf } from './session-repository.ts';
import { base32, matchingStep, TOTP_SEED_BYTES, totpUri } from './totp.ts';

export const SEALED_TOTP_SEEDS: SealedColumn = {
  table: 'second_factors',
  key: 'user_id',
  column: 'sealed_seed',
  boundTo,
};

const ATTEMPTS_MAX = 10;

export interface SecondFactorDependencies extends PeopleDependencies {
  readonly box: SecretBox | undefined;
  readonly throttle: AttemptThrottle;
  readonly ownPassword: OwnPassword;
}

/** One-time codes of an authenticator, with recovery codes for a lost one. */
export class SecondFactor {
  readonly #dependencies: SecondFactorDependencies;

  constructor(dependencies: SecondFactorDependencies) {
    this.#dependencies = dependencies;
  }

  /** A new seed, shown once; it is not in force before `confirm`. */
  async enrol(
    { userId }: Person,
    { password }: { password: string },
  ): Promise<{ secret: string; uri: string }> {
    const { database, clock, ownPassword } = this.#dependencies;
    const { email } = await ownPassword.confirm(userId, password, 'password');
    const seed = randomBytes(TOTP_SEED_BYTES);
    const sealedSeed = this.#box().seal(seed.toString('hex'), boundTo(userId));
    const pending = { userId, sealedSeed, createdAt: clock.now() };
    if (!(await insertPendingSeed(database, pending))) throw inForce();
    return { secret: base32(seed), uri: totpUri(seed, email) };
  }

  /** Puts the seed in force for whoever can read a code of it. Returns the recovery codes, shown once. */
  async confirm(person: Person, code: string): Promise<string[]> {
    const { database, clock } = this.#dependencies;
    const { userId, sessionId } = person;
    await this.admit(userId);
    const factor = await findSecondFactor(database, userId);
    if (factor === undefined) throw secondFactorMissing();
    if (factor.confirmed_at !== null) throw inForce();
    const now = clock.now();
    const step = matchingStep(this.#seedOf(userId, factor.sealed_seed), code, now.getTime());
    if (step === undefined) throw invalidCode();
    const codes = generateRecoveryCodes();
    const codeHashes = codes.map(hashRecoveryCode).filter((hash) => hash !== null);
    await database.transaction(async (transaction) => {
      const confirmed = { userId, createdAt: factor.created_at, step, now };
      if (!(await confirmSeed(transaction, confirmed))) throw secondFactorMissing();
      await insertRecoveryCodes(transaction, { userId, codeHashes });
      await this.#announce(transaction, person, { userId, now, exceptSessionId: sessionId });
    });
    await this.#settled(userId);
    return codes;
  }

  /** Takes the factor away from its owner, who shows password and code again. */
  async disable(person: Person, proof: { password: string; code: string }): Promise<void> {
    const { database, clock, ownPassword, recordChange } = this.#dependencies;
    const { userId, sessionId: exceptSessionId } = person;
    await ownPassword.confirm(userId, proof.password, 'password');
    await this.admit(userId);
    await database.transaction(async (transaction) => {
      if (!(await this.use(transaction, userId, proof.code))) throw invalidCode();
      const from = { userId, now: clock.now(), exceptSessionId };
      await removeSecondFactor(transaction, { changer: person, recordChange }, from);
    });
    await this.#settled(userId);
  }

  /** Counts an attempt with a code, before it is looked at. */
  async admit(userId: string): Promise<void> {
    const limit = { attemptsMax: ATTEMPTS_MAX, param: 'code' };
    await this.#dependencies.throttle.admit(codeSubject(userId), limit);
  }

  async forgetAttempts(userId: string): Promise<void> {
    await this.#dependencies.throttle.forget(codeSubject(userId));
  }

  /** True for a code or recovery code that works, once each. */
  async use(transaction: Transaction, userId: string, code: string): Promise<boolean> {
    const now = this.#dependencies.clock.now();
    const codeHash = hashRecoveryCode(code);
    if (codeHash !== null) return useRecoveryCode(transaction, { userId, codeHash, now });
    const factor = await findSecondFactor(transaction, userId);
    if (factor === undefined || factor.confirmed_at === null) throw secondFactorMissing();
    const seed = this.#seedOf(userId, factor.sealed_seed);
    const step = matchingStep(seed, code.trim(), now.getTime());
    return step !== undefined && (await useStep(transaction, { userId, step }));
  }

  async #announce(
    transaction: Transaction,
    person: Person,
    end: { userId: string; now: Date; exceptSessionId: string },
  ): Promise<void> {
    // Whoever signed in without it has to come in by it.
    await endSessionsOf(transaction, { ...end, reason: 'second_factor_changed' });
    await writeChange(transaction, this.#dependencies, person, {
      action: 'users.enable_totp',
      resource: { kind: 'user', id: end.userId },
      projectId: null,
    });
    await announceSignInChange(transaction);
  }

  async #settled(userId: string): Promise<void> {
    await this.forgetAttempts(userId);
    await this.#dependencies.onChange?.();
  }

  #seedOf(userId: string, sealedSeed: string): Uint8Array {
    try {
      return Buffer.from(this.#box().open(sealedSeed, boundTo(userId)), 'hex');
    } catch (error) {
      if (error instanceof SecretBoxError) throw signInUnavailable(error);
      throw error;
    }
  }

  #box(): SecretBox {
    const { box } = this.#dependencies;
    if (box === undefined) throw signInUnavailable();
    return box;
  }
}

const codeSubject = (userId: string) => `code:${userId}`;

function boundTo(userId: string): string {
  return `second_factors/${userId}`;
}

/** Wrong, used before, or out of its time: one answer. */
export const invalidCode = () =>
  identityError('invalid_code', 'The code is wrong, or was used before.', { param: 'code' });

const inForce = () =>
  identityError('second_factor_in_force', 'A second factor is in force already.', {
    param: 'password',
  });
