import type { ExecuteOptions, SqlExecutor } from '../../../ports/database.ts';

/** What goes at once; the rest goes with the next statement. */
export interface Sweep {
  readonly before: Date;
  readonly limit: number;
}

/** Sessions that ended, were left or ran out before; their refresh tokens go with them. */
export async function deleteOverSessions(
  database: SqlExecutor,
  { before, idleBefore, limit }: Sweep & { idleBefore: Date },
  options: ExecuteOptions,
): Promise<number> {
  return affected(database, options, {
    sql: `delete from sessions where id in (select id from sessions
      where ended_at < $1 or expires_at < $1 or last_used_at < $2 limit $3)`,
    parameters: [before, idleBefore, limit],
  });
}

export async function deleteOverAttempts(
  database: SqlExecutor,
  { before, limit }: Sweep,
  options: ExecuteOptions,
): Promise<number> {
  return affected(database, options, {
    sql: `delete from sign_in_attempts where subject in
      (select subject from sign_in_attempts where window_ends_at < $1 limit $2)`,
    parameters: [before, limit],
  });
}

export async function deleteOverTickets(
  database: SqlExecutor,
  { before, limit }: Sweep,
  options: ExecuteOptions,
): Promise<number> {
  return affected(database, options, {
    sql: `delete from sign_in_tickets where token_hash in
      (select token_hash from sign_in_tickets where expires_at < $1 limit $2)`,
    parameters: [before, limit],
  });
}

export async function deleteOverLinks(
  database: SqlExecutor,
  { before, limit }: Sweep,
  options: ExecuteOptions,
): Promise<number> {
  return affected(database, options, {
    sql: `delete from one_time_links where token_hash in
      (select token_hash from one_time_links where expires_at < $1 limit $2)`,
    parameters: [before, limit],
  });
}

/** Accepted, revoked or never used: all have an end. */
export async function deleteOverInvitations(
  database: SqlExecutor,
  { before, limit }: Sweep,
  options: ExecuteOptions,
): Promise<number> {
  return affected(database, options, {
    sql: `delete from invitations where id in
      (select id from invitations where expires_at < $1 limit $2)`,
    parameters: [before, limit],
  });
}

/** Keys whose successor has signed since before; the last token of theirs is over long ago. */
export async function deleteReplacedSigningKeys(
  database: SqlExecutor,
  { before, limit }: Sweep,
  options: ExecuteOptions,
): Promise<number> {
  return affected(database, options, {
    sql: `delete from signing_keys where generation in (select k.generation from signing_keys k
      where exists (select 1 from signing_keys n
        where n.generation > k.generation and n.active_from < $1) limit $2)`,
    parameters: [before, limit],
  });
}

async function affected(
  database: SqlExecutor,
  options: ExecuteOptions,
  statement: { sql: string; parameters: readonly unknown[] },
): Promise<number> {
  return (await database.execute(statement, options)).affectedRows;
}
