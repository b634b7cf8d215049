import type { ExecuteOptions, SqlExecutor } from '../../../ports/database.ts';
import type { Role } from '../role.ts';

export interface AccountRow {
  readonly id: string;
  readonly password_hash: string | null;
  readonly has_second_factor: boolean;
}

const HAS_SECOND_FACTOR = `exists (select 1 from second_factors f
  where f.user_id = u.id and f.confirmed_at is not null)`;

/** The enabled user with that address. */
export async function findAccount(
  database: SqlExecutor,
  email: string,
): Promise<AccountRow | undefined> {
  const { rows } = await database.execute<AccountRow>({
    sql: `select u.id, u.password_hash, ${HAS_SECOND_FACTOR} as has_second_factor from users u
      where u.email = $1 and u.disabled_at is null`,
    parameters: [email],
  });
  return rows[0];
}

/** From where somebody with that address has signed in lately, known or not; the newest first. */
export async function listSignInAddresses(
  database: SqlExecutor,
  { email, since, limit }: { email: string; since: Date; limit: number },
): Promise<string[]> {
  const { rows } = await database.execute<{ address: string }>({
    sql: `select s.address from sessions s join users u on u.id = s.user_id
      where u.email = $1 and s.created_at > $2 and s.address is not null
      group by s.address order by max(s.created_at) desc limit $3`,
    parameters: [email, since, limit],
  });
  return rows.map((row) => row.address);
}

/** Counts an attempt and returns how many the window has, with its end. A window that is over begins anew. */
export async function countAttempt(
  database: SqlExecutor,
  { subject, now, windowEndsAt }: { subject: string; now: Date; windowEndsAt: Date },
): Promise<{ attempts: number; window_ends_at: Date } | undefined> {
  const { rows } = await database.execute<{ attempts: number; window_ends_at: Date }>({
    sql: `insert into sign_in_attempts as a (subject, attempts, window_ends_at) values ($1, 1, $3)
      on conflict (subject) do update set
        attempts = case when a.window_ends_at <= $2 then 1 else least(a.attempts + 1, 1000000) end,
        window_ends_at = case when a.window_ends_at <= $2 then $3 else a.window_ends_at end
      returning attempts, window_ends_at`,
    parameters: [subject, now, windowEndsAt],
  });
  return rows[0];
}

/** After a success, with what has been over for a while, so that the table stays small. */
export async function forgetAttempts(
  database: SqlExecutor,
  { subject, now }: { subject: string; now: Date },
): Promise<void> {
  await database.execute({
    sql: 'delete from sign_in_attempts where subject = $1 or window_ends_at <= $2',
    parameters: [subject, now],
  });
}

export interface AccessRow {
  readonly user_id: string;
  readonly organization_id: string;
  readonly project_id: string;
  readonly role: Role;
  readonly role_in: 'organization' | 'project';
  readonly has_second_factor: boolean;
}

/** Who may act in which project, by user and project; the page after a user and project. */
export async function listAccess(
  database: SqlExecutor,
  page: { afterUserId: string; afterProjectId: string; limit: number },
  options?: ExecuteOptions,
): Promise<AccessRow[]> {
  const { rows } = await database.execute<AccessRow>(
    {
      sql: `select u.id as user_id, m.organization_id, p.id as project_id,
          case when m.role in ('owner', 'admin') then m.role else coalesce(pm.role, m.role) end as role,
          case when m.role in ('owner', 'admin') or pm.role is null then 'organization' else 'project' end
            as role_in,
          ${HAS_SECOND_FACTOR} as has_second_factor
        from users u
        join organization_members m on m.user_id = u.id
        join projects p on p.organization_id = m.organization_id and p.archived_at is null
        left join project_members pm on pm.project_id = p.id and pm.user_id = u.id
        where u.disabled_at is null and (m.role <> 'member' or pm.role is not null)
          and (u.id, p.id) > ($1, $2)
        order by u.id, p.id limit $3`,
      parameters: [page.afterUserId, page.afterProjectId, page.limit],
    },
    options,
  );
  return rows;
}

/** Sessions that ended lately: tokens of older ones are over by themselves. */
export async function listEndedSessions(
  database: SqlExecutor,
  page: { since: Date; afterId: string; limit: number },
  options?: ExecuteOptions,
): Promise<string[]> {
  const { rows } = await database.execute<{ id: string }>(
    {
      sql: 'select id from sessions where ended_at > $1 and id > $2 order by id limit $3',
      parameters: [page.since, page.afterId, page.limit],
    },
    options,
  );
  return rows.map((row) => row.id);
}

/** Changes with users, members, projects, sessions and signing keys. */
export async function readSignInRevision(
  database: SqlExecutor,
  options?: ExecuteOptions,
): Promise<number> {
  const { rows } = await database.execute<{ revision: number }>(
    {
      sql: `select coalesce(sum(revision), 0)::int8 as revision from revisions
        where topic in ('identity', 'sign_in')`,
      parameters: [],
    },
    options,
  );
  return rows[0]?.revision ?? 0;
}
