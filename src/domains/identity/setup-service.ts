import { apiKeyPrefix, generateApiKey, hashApiKey } from '../../lib/api-key.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Database, DatabaseError } from '../../ports/database.ts';
import { apiKeyObject } from './api-key.ts';
import type { Changer, RecordChange } from './change.ts';
import { normalizedEmail } from './email.ts';
import { identityError, unusableLink } from './errors.ts';
import { findOwnerUserId, updateUserSignIn } from './installation-repository.ts';
import { insertApiKey, type NewApiKey, storedKey, UNBOUND } from './key-repository.ts';
import { generateToken, hashToken } from './one-time-link.ts';
import {
  findOneTimeLink,
  insertOneTimeLink,
  type LinkedUser,
  useOneTimeLink,
} from './one-time-link-repository.ts';
import { type PasswordHasher, requirePassword } from './password.ts';
import type { RequestOrigin } from './principal.ts';
import { SCOPES } from './role.ts';
import { announceChange } from './revision-repository.ts';
import { endSessionsOf } from './sign-in/session-repository.ts';

const DAY_MS = 86_400_000;
const UNIQUE_VIOLATION = '23505';

export interface SetupInput {
  readonly token: string;
  readonly email: string;
  readonly name: string;
  readonly password: string;
}

export interface SetupDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly passwords: PasswordHasher;
  readonly onChange?: () => Promise<void>;
  /** Writes each change down in its own transaction; without it nobody is told. */
  readonly recordChange?: RecordChange;
}

/** One-time links: each lets its bearer set e-mail address and password of one administrator, once. */
export class SetupService {
  readonly #dependencies: SetupDependencies;

  constructor(dependencies: SetupDependencies) {
    this.#dependencies = dependencies;
  }

  /** Returns the token of a new link for the owner with that address, or for the first owner. */
  async createOneTimeLink(
    options: { email?: string; ttlMs?: number } = {},
  ): Promise<{ token: string; expiresAt: Date }> {
    const { database, clock } = this.#dependencies;
    const userId = await findOwnerUserId(database, options.email?.toLowerCase() ?? null);
    if (userId === undefined) {
      throw identityError('invalid_email', 'No administrator has this e-mail address.', {
        param: 'email',
      });
    }
    const token = generateToken();
    const createdAt = clock.now();
    const expiresAt = new Date(createdAt.getTime() + (options.ttlMs ?? DAY_MS));
    await insertOneTimeLink(database, {
      tokenHash: hashToken(token),
      userId,
      purpose: 'setup',
      createdAt,
      expiresAt,
    });
    return { token, expiresAt };
  }

  /** Redeems a link and returns a new key with every scope. A refused call leaves the link usable. */
  async completeSetup(
    input: SetupInput,
    origin?: RequestOrigin,
  ): Promise<{ apiKey: string; key: ReturnType<typeof apiKeyObject> }> {
    const { database, clock, passwords, onChange } = this.#dependencies;
    const email = normalizedEmail(input.email);
    requirePassword(input.password);
    const link = { tokenHash: hashToken(input.token), purpose: 'setup' as const, now: clock.now() };
    // Before the hash, so that guessed tokens cost no hashing.
    const user = await findOneTimeLink(database, link);
    if (user === undefined) throw unusableLink();
    const passwordHash = await passwords.hash(input.password);
    const apiKey = generateApiKey();
    const row = newKey({ user, apiKey, clock });
    try {
      await database.transaction(async (transaction) => {
        if (!(await useOneTimeLink(transaction, link))) throw unusableLink();
        const { name } = input;
        await updateUserSignIn(transaction, { id: user.userId, email, name, passwordHash });
        // Whoever knew the old password is out.
        await endSessionsOf(transaction, {
          userId: user.userId,
          reason: 'password_changed',
          now: link.now,
        });
        await transaction.execute(insertApiKey(row));
        const recorded = this.#recorded({ ...user, kind: 'user', origin }, row.id, name);
        for (const statement of recorded) await transaction.execute(statement);
        await announceChange(transaction);
      });
    } catch (error) {
      if (error instanceof DatabaseError && error.sqlState === UNIQUE_VIOLATION) {
        throw identityError('email_taken', 'Another user has this e-mail address.', {
          param: 'email',
          cause: error,
        });
      }
      throw error;
    }
    await onChange?.();
    return { apiKey, key: apiKeyObject(storedKey(row)) };
  }

  /** The address is personal and stays out. */
  #recorded(changer: Changer, keyId: string, name: string) {
    const { recordChange } = this.#dependencies;
    const resource = { kind: 'user', id: changer.userId ?? null };
    const changes = { name: { after: name }, api_key_id: { after: keyId } };
    return recordChange === undefined
      ? []
      : [recordChange(changer, { action: 'setup.complete', resource, changes })];
  }
}

function newKey(from: { user: LinkedUser; apiKey: string; clock: Clock }): NewApiKey {
  return {
    id: from.clock.newId('key_'),
    project_id: from.user.projectId,
    name: 'Administrator',
    prefix: apiKeyPrefix(from.apiKey),
    key_hash: hashApiKey(from.apiKey),
    scopes: [...SCOPES],
    ...UNBOUND,
    created_by: from.user.userId,
    created_at: from.clock.now(),
    expires_at: null,
  };
}
