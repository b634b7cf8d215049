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

/** What is deleted some time after its end: its table with the key, and which rows ended before `$1`. */
const OVER = {
  attempts: { table: 'sign_in_attempts', key: 'subject', ended: 'window_ends_at < $1' },
  tickets: { table: 'sign_in_tickets', key: 'token_hash', ended: 'expires_at < $1' },
  links: { table: 'one_time_links', key: 'token_hash', ended: 'expires_at < $1' },
  // Accepted, revoked or never used: all have an end.
  invitations: { table: 'invitations', key: 'id', ended: 'expires_at < $1' },
  // Their successor has signed since before; the last token of theirs is over long ago.
  signingKeys: {
    table: 'signing_keys',
    key: 'generation',
    ended: `exists (select 1 from signing_keys n
      where n.generation > signing_keys.generation and n.active_from < $1)`,
  },
} as const;
export type Perishable = keyof typeof OVER;

export async function deleteOver(
  database: SqlExecutor,
  what: Perishable,
  { before, limit }: Sweep,
  options: ExecuteOptions,
): Promise<number> {
  const { table, key, ended } = OVER[what];
  return affected(database, options, {
    sql: `delete from ${table} where ${key} in (select ${key} from ${table} where ${ended} limit $2)`,
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
