import type { Clock } from '../../../ports/clock.ts';
import type { Database, Transaction } from '../../../ports/database.ts';
import { type RecordChange, writeChange } from '../change.ts';
import { identityError } from '../errors.ts';
import { generateToken, hashToken } from '../one-time-link.ts';
import type { RequestOrigin } from '../principal.ts';
import {
  decideRefresh,
  openSuccessor,
  type RefreshDecision,
  SESSION_LIFE_MS,
  sealSuccessor,
} from './refresh-token.ts';
import {
  endSession,
  findRefreshToken,
  insertRefreshToken,
  insertSession,
  lockSessionOf,
  type RefreshTokenRow,
  rotateRefreshToken,
  type SessionRow,
} from './session-repository.ts';

const TOKEN_LENGTH_MAX = 128;
const USER_AGENT_LENGTH_MAX = 256;

export interface SecurityEvent {
  readonly type: 'refresh_token_replayed';
  readonly userId: string;
  readonly sessionId: string;
}

export interface SessionDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** Called after the session has ended, before the caller is answered. */
  readonly onSecurityEvent: (event: SecurityEvent) => Promise<void>;
  /** Writes a replay down in the transaction that ends the session; without it nobody is told. */
  readonly recordChange?: RecordChange;
}

/** From where a session is begun, so that people can tell their sessions apart. */
export type SessionOrigin = Pick<RequestOrigin, 'address' | 'userAgent'>;

export interface OpenSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly refreshToken: string;
}

type Outcome =
  | { readonly kind: 'refreshed'; readonly session: OpenSession }
  | { readonly kind: 'replay'; readonly userId: string; readonly sessionId: string }
  | { readonly kind: 'over' };

/** Sessions of people and the refresh tokens that prolong them. */
export class SessionService {
  readonly #dependencies: SessionDependencies;

  constructor(dependencies: SessionDependencies) {
    this.#dependencies = dependencies;
  }

  /** Begins a session for somebody who has proven who they are. */
  async begin(userId: string, origin?: SessionOrigin): Promise<OpenSession> {
    const { database } = this.#dependencies;
    return database.transaction((transaction) => this.beginWithin(transaction, userId, origin));
  }

  /** The same as a part of what proves it. */
  async beginWithin(
    transaction: Transaction,
    userId: string,
    origin?: SessionOrigin,
  ): Promise<OpenSession> {
    const { clock } = this.#dependencies;
    const createdAt = clock.now();
    const sessionId = clock.newId('sess_');
    const refreshToken = generateToken();
    const expiresAt = new Date(createdAt.getTime() + SESSION_LIFE_MS);
    const tokenHash = hashToken(refreshToken);
    const address = origin?.address ?? null;
    const userAgent = shownAgent(origin?.userAgent);
    const session = { id: sessionId, userId, createdAt, expiresAt, address, userAgent };
    await insertSession(transaction, session);
    await insertRefreshToken(transaction, { tokenHash, sessionId, generation: 1, createdAt });
    return { userId, sessionId, refreshToken };
  }

  /**
   * Exchanges a refresh token for its successor. Whoever presents the same token within the grace gets the same
   * successor; a token that was used before that ends the session for everybody.
   */
  async refresh(refreshToken: string): Promise<OpenSession> {
    if (refreshToken.length > TOKEN_LENGTH_MAX) throw unusableToken();
    const { database, onSecurityEvent } = this.#dependencies;
    const outcome = await database.transaction((transaction) =>
      this.#exchange(transaction, refreshToken),
    );
    if (outcome.kind === 'refreshed') return outcome.session;
    if (outcome.kind === 'replay') {
      const { userId, sessionId } = outcome;
      await onSecurityEvent({ type: 'refresh_token_replayed', userId, sessionId });
    }
    throw unusableToken();
  }

  /** Ends the session of a refresh token, used or not; an unknown one changes nothing. */
  async end(refreshToken: string): Promise<void> {
    const { database, clock } = this.#dependencies;
    await database.transaction(async (transaction) => {
      const session = await lockSessionOf(transaction, hashToken(refreshToken));
      if (session === undefined || session.ended_at !== null) return;
      const end = { sessionId: session.id, reason: 'signed_out' as const, now: clock.now() };
      await endSession(transaction, end);
    });
  }

  async #exchange(transaction: Transaction, refreshToken: string): Promise<Outcome> {
    const tokenHash = hashToken(refreshToken);
    const session = await lockSessionOf(transaction, tokenHash);
    // After the lock: what a parallel refresh changed is seen.
    const token = session && (await findRefreshToken(transaction, tokenHash));
    if (session === undefined || token === undefined) return { kind: 'over' };
    const now = this.#dependencies.clock.now();
    const decision = decisionFor(session, token, now);
    const { id: sessionId, user_id: userId } = session;
    if (decision === 'over') return { kind: 'over' };
    if (decision === 'replay') {
      await endSession(transaction, { sessionId, reason: 'replay', now });
      await this.#recordReplay(transaction, session);
      return { kind: 'replay', userId, sessionId };
    }
    const successor =
      decision === 'repeat' && token.sealed_successor !== null
        ? openSuccessor(refreshToken, token.sealed_successor, sessionId)
        : await rotate(transaction, { refreshToken, tokenHash, session, now });
    return { kind: 'refreshed', session: { userId, sessionId, refreshToken: successor } };
  }

  async #recordReplay(transaction: Transaction, session: SessionRow): Promise<void> {
    const { id, user_id: userId, organization_id: organizationId } = session;
    if (organizationId === null) return;
    await writeChange(
      transaction,
      this.#dependencies,
      { organizationId, userId },
      {
        action: 'sessions.replay',
        resource: { kind: 'session', id },
        projectId: null,
      },
    );
  }
}

function shownAgent(userAgent: string | null | undefined): string | null {
  if (userAgent === null || userAgent === undefined) return null;
  return userAgent
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, USER_AGENT_LENGTH_MAX);
}

function decisionFor(session: SessionRow, token: RefreshTokenRow, now: Date): RefreshDecision {
  if (!session.is_enabled) return 'over';
  const decision = decideRefresh({
    now,
    session: {
      generation: session.generation,
      expiresAt: session.expires_at,
      lastUsedAt: session.last_used_at,
      endedAt: session.ended_at,
    },
    token: { generation: token.generation, usedAt: token.used_at },
  });
  return decision === 'repeat' && token.sealed_successor === null ? 'replay' : decision;
}

async function rotate(
  transaction: Transaction,
  from: { refreshToken: string; tokenHash: Uint8Array; session: SessionRow; now: Date },
): Promise<string> {
  const { refreshToken, tokenHash, session, now } = from;
  const successor = generateToken();
  const sealedSuccessor = sealSuccessor(refreshToken, successor, session.id);
  await rotateRefreshToken(transaction, {
    tokenHash,
    sessionId: session.id,
    sealedSuccessor,
    now,
  });
  await insertRefreshToken(transaction, {
    tokenHash: hashToken(successor),
    sessionId: session.id,
    generation: session.generation + 1,
    createdAt: now,
  });
  return successor;
}

const unusableToken = () =>
  identityError('invalid_refresh_token', 'The refresh token is unknown, used or expired.', {
    param: 'refresh_token',
  });
