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
  /** Where its replay is written down. */
  readonly organization_id: string | null;
}

export type SessionEnd =
  | 'signed_out'
  | 'replay'
  | 'password_changed'
  | 'second_factor_changed'
  | 'user_disabled';

export async function insertSession(
  executor: SqlExecutor,
  session: {
    id: string;
    userId: string;
    createdAt: Date;
    expiresAt: Date;
    address: string | null;
    userAgent: string | null;
  },
): Promise<void> {
  const { id, userId, createdAt, expiresAt, address, userAgent } = session;
  await executor.execute({
    sql: `insert into sessions
        (id, user_id, generation, created_at, expires_at, last_used_at, address, user_agent)
      values ($1, $2, 1, $3, $4, $3, $5, $6)`,
    parameters: [id, userId, createdAt, expiresAt, address, userAgent],
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
        exists (select 1 from users u where u.id = s.user_id and u.disabled_at is null) as is_enabled,
        (select min(m.organization_id) from organization_members m where m.user_id = s.user_id)
          as organization_id
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
  end: { sessionId: string; reason: SessionEnd; now: Date },
): Promise<void> {
  await transaction.execute({
    sql: `update sessions set ended_at = $2, end_reason = $3 where id = $1 and ended_at is null`,
    parameters: [end.sessionId, end.now, end.reason],
  });
  await announceSignInChange(transaction);
}

/** Ends the sessions of a user, all or all but one; part of a change that announces itself. Returns how many. */
export async function endSessionsOf(
  transaction: SqlExecutor,
  end: { userId: string; reason: SessionEnd; now: Date; exceptSessionId?: string },
): Promise<number> {
  const { affectedRows } = await transaction.execute({
    sql: `update sessions set ended_at = $2, end_reason = $3
      where user_id = $1 and ended_at is null and ($4::text is null or id <> $4)`,
    parameters: [end.userId, end.now, end.reason, end.exceptSessionId ?? null],
  });
  return affectedRows;
}

/** Ends one session of a user; false when it is not theirs, or over. Part of a change that announces itself. */
export async function endSessionOf(
  transaction: SqlExecutor,
  end: { userId: string; sessionId: string; now: Date },
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: `update sessions set ended_at = $3, end_reason = 'signed_out'
      where id = $2 and user_id = $1 and ended_at is null`,
    parameters: [end.userId, end.sessionId, end.now],
  });
  return affectedRows === 1;
}

export interface OwnSessionRow {
  readonly id: string;
  readonly created_at: Date;
  readonly last_used_at: Date;
  readonly expires_at: Date;
  readonly address: string | null;
  readonly user_agent: string | null;
}

/** Open sessions of a user, newest first; `idleSince` is before when one counts as left. */
export async function listSessionsOf(
  database: SqlExecutor,
  page: {
    userId: string;
    now: Date;
    idleSince: Date;
    after: { id: string; createdAt: Date } | undefined;
    limit: number;
  },
): Promise<OwnSessionRow[]> {
  const { userId, now, idleSince, after, limit } = page;
  const { rows } = await database.execute<OwnSessionRow>({
    sql: `select id, created_at, last_used_at, expires_at, address, user_agent from sessions
      where user_id = $1 and ended_at is null and expires_at > $2 and last_used_at > $3
        and ($4::timestamptz is null or (created_at, id) < ($4, $5))
      order by created_at desc, id desc limit $6`,
    parameters: [userId, now, idleSince, after?.createdAt ?? null, after?.id ?? null, limit],
  });
  return rows;
}

export async function findSessionOf(
  database: SqlExecutor,
  { userId, id }: { userId: string; id: string },
): Promise<{ created_at: Date } | undefined> {
  const { rows } = await database.execute<{ created_at: Date }>({
    sql: 'select created_at from sessions where id = $2 and user_id = $1',
    parameters: [userId, id],
  });
  return rows[0];
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
