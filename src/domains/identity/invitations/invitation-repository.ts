import type { SqlExecutor } from '../../../ports/database.ts';
import type { Role } from '../role.ts';

export interface InvitationRow {
  readonly id: string;
  readonly organization_id: string;
  readonly project_id: string | null;
  readonly email: string;
  readonly role: Role;
  readonly invited_by: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly accepted_at: Date | null;
  readonly revoked_at: Date | null;
}

const COLUMNS = `i.id, i.organization_id, i.project_id, i.email, i.role, i.invited_by, i.created_at,
  i.expires_at, i.accepted_at, i.revoked_at`;

/** Ends the open invitation of an address, if there is one. */
export async function revokeOpenInvitation(
  transaction: SqlExecutor,
  { organizationId, email, now }: { organizationId: string; email: string; now: Date },
): Promise<void> {
  await transaction.execute({
    sql: `update invitations set revoked_at = $3
      where organization_id = $1 and email = $2 and accepted_at is null and revoked_at is null`,
    parameters: [organizationId, email, now],
  });
}

export async function insertInvitation(
  transaction: SqlExecutor,
  invitation: InvitationRow & { readonly tokenHash: Uint8Array },
): Promise<void> {
  const { tokenHash, ...row } = invitation;
  await transaction.execute({
    sql: `insert into invitations
        (id, token_hash, organization_id, project_id, email, role, invited_by, created_at, expires_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    parameters: [
      row.id,
      tokenHash,
      row.organization_id,
      row.project_id,
      row.email,
      row.role,
      row.invited_by,
      row.created_at,
      row.expires_at,
    ],
  });
}

export interface InvitationScope {
  readonly organizationId: string;
  /** Null: of the whole organization. */
  readonly projectId: string | null;
}

export async function findInvitation(
  database: SqlExecutor,
  { organizationId, projectId, id }: InvitationScope & { id: string },
): Promise<InvitationRow | undefined> {
  const { rows } = await database.execute<InvitationRow>({
    sql: `select ${COLUMNS} from invitations i
      where i.organization_id = $1 and ($2::text is null or i.project_id = $2) and i.id = $3`,
    parameters: [organizationId, projectId, id],
  });
  return rows[0];
}

/** Newest first. */
export async function listInvitations(
  database: SqlExecutor,
  page: InvitationScope & { after: { id: string; createdAt: Date } | undefined; limit: number },
): Promise<InvitationRow[]> {
  const { organizationId, projectId, after, limit } = page;
  const { rows } = await database.execute<InvitationRow>({
    sql: `select ${COLUMNS} from invitations i
      where i.organization_id = $1 and ($2::text is null or i.project_id = $2)
        and ($3::timestamptz is null or (i.created_at, i.id) < ($3, $4))
      order by i.created_at desc, i.id desc limit $5`,
    parameters: [organizationId, projectId, after?.createdAt ?? null, after?.id ?? null, limit],
  });
  return rows;
}

/** True when it was open. */
export async function revokeInvitation(
  transaction: SqlExecutor,
  { id, now }: { id: string; now: Date },
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: `update invitations set revoked_at = $2
      where id = $1 and accepted_at is null and revoked_at is null`,
    parameters: [id, now],
  });
  return affectedRows === 1;
}

// An archived project takes nobody in.
const USABLE = `i.token_hash = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > $2
  and not exists (select 1 from projects p where p.id = i.project_id and p.archived_at is not null)`;

export async function findUsableInvitation(
  database: SqlExecutor,
  { tokenHash, now }: { tokenHash: Uint8Array; now: Date },
): Promise<InvitationRow | undefined> {
  const { rows } = await database.execute<InvitationRow>({
    sql: `select ${COLUMNS} from invitations i where ${USABLE}`,
    parameters: [tokenHash, now],
  });
  return rows[0];
}

/** The invitation for exactly one caller, undefined for every other. */
export async function useInvitation(
  transaction: SqlExecutor,
  use: { tokenHash: Uint8Array; now: Date },
): Promise<InvitationRow | undefined> {
  const { rows } = await transaction.execute<InvitationRow>({
    sql: `update invitations i set accepted_at = $2 where ${USABLE} returning ${COLUMNS}`,
    parameters: [use.tokenHash, use.now],
  });
  return rows[0];
}

export async function noteAcceptance(
  transaction: SqlExecutor,
  { id, userId }: { id: string; userId: string },
): Promise<void> {
  await transaction.execute({
    sql: 'update invitations set accepted_by = $2 where id = $1',
    parameters: [id, userId],
  });
}
