import type { SqlExecutor } from '../../../ports/database.ts';

export const SIGN_IN_CHANNEL = 'llamp_sign_in';

export interface SessionRow {
  readonly id: string;
  readonly user_id: string;
  readonly generation: number;
  readonly expires_at: Date;
  readonly last_used_at: Date;
  readonly ended_at: Date | null;
  readonly is_enabled: boolean;
}

export async function insertSession(
  executor: SqlExecutor,
  session: { id: string; userId: string; createdAt: Date; expiresAt: Date },
): Promise<void> {
  await executor.execute({
    sql: `insert into sessions (id, user_id, generation, created_at, expires_at, last_used_at)
      values ($1, $2, 1, $3, $4, $3)`,
    parameters: [session.id, session.userId, session.createdAt, session.expiresAt],
  });
}

export async function insertRefreshToken(
  executor: SqlExecutor,
  token: { tokenHash: Uint8Array; sessionId: string; generation: number; createdAt: Date },
): Promise<void> {
  await executor.execute({
    sql: `insert into refresh_tokens (token_hash, session_id, generation, created_at)
      values ($1, $2, $3, $4)`,
    parameters: [token.tokenHash, token.sessionId, token.generation, token.createdAt],
  });
}

/** Locks the session of a token: parallel refreshes go one after the other. */
export async function lockSessionOf(
  transaction: SqlExecutor,
  tokenHash: Uint8Array,
): Promise<SessionRow | undefined> {
  const { rows } = await transaction.execute<SessionRow>({
    sql: `select s.id, s.user_id, s.generation, s.expires_at, s.last_used_at, s.ended_at,
        exists (select 1 from users u where u.id = s.user_id and u.disabled_at is null) as is_enabled
      from sessions s
      where s.id = (select session_id from refresh_tokens where token_hash = $1) for update`,
    parameters: [tokenHash],
  });
  return rows[0];
}

export interface RefreshTokenRow {
  readonly generation: number;
  readonly used_at: Date | null;
  readonly sealed_successor: string | null;
}

export async function findRefreshToken(
  transaction: SqlExecutor,
  tokenHash: Uint8Array,
): Promise<RefreshTokenRow | undefined> {
  const { rows } = await transaction.execute<RefreshTokenRow>({
    sql: 'select generation, used_at, sealed_successor from refresh_tokens where token_hash = $1',
    parameters: [tokenHash],
  });
  return rows[0];
}

/** Marks the token as used and forgets what its predecessors could still be answered with. */
export async function rotateRefreshToken(
  transaction: SqlExecutor,
  rotation: { tokenHash: Uint8Array; sessionId: string; sealedSuccessor: string; now: Date },
): Promise<void> {
  const { tokenHash, sessionId, sealedSuccessor, now } = rotation;
  await transaction.execute({
    sql: `update refresh_tokens set sealed_successor = null
      where session_id = $1 and sealed_successor is not null`,
    parameters: [sessionId],
  });
  await transaction.execute({
    sql: 'update refresh_tokens set used_at = $2, sealed_successor = $3 where token_hash = $1',
    parameters: [tokenHash, now, sealedSuccessor],
  });
  await transaction.execute({
    sql: 'update sessions set generation = generation + 1, last_used_at = $2 where id = $1',
    parameters: [sessionId, now],
  });
}

/** Ends a session and tells every instance when the transaction commits. */
export async function endSession(
  transaction: SqlExecutor,
  end: { sessionId: string; reason: 'signed_out' | 'replay'; now: Date },
): Promise<void> {
  await transaction.execute({
    sql: `update sessions set ended_at = $2, end_reason = $3 where id = $1 and ended_at is null`,
    parameters: [end.sessionId, end.now, end.reason],
  });
  await announceSignInChange(transaction);
}

/** Ends every session of a user whose password was set anew; part of a change that announces itself. */
export async function endSessionsOf(
  transaction: SqlExecutor,
  { userId, now }: { userId: string; now: Date },
): Promise<void> {
  await transaction.execute({
    sql: `update sessions set ended_at = $2, end_reason = 'password_changed'
      where user_id = $1 and ended_at is null`,
    parameters: [userId, now],
  });
}

export async function announceSignInChange(transaction: SqlExecutor): Promise<void> {
  await transaction.execute({
    sql: `update revisions set revision = revision + 1 where topic = 'sign_in'`,
    parameters: [],
  });
  await transaction.execute({
    sql: 'select pg_notify($1, $2)',
    parameters: [SIGN_IN_CHANNEL, ''],
  });
}
