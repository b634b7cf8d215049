import type { SqlExecutor } from '../../ports/database.ts';
import type { AuditEvent } from './audit-event.ts';
import { EVENT_COLUMNS } from './repository.ts';

export type ExportedRow = AuditEvent & {
  readonly seal_seq: number | null;
  readonly seal_hash: Uint8Array | null;
};

export interface ExportRange {
  /** Undefined: every organization, and what belongs to none. */
  readonly organizationId?: string;
  /** Null or undefined: every project, and what belongs to none. */
  readonly projectId?: string | null;
  readonly from?: Date;
  /** Exclusive. */
  readonly to?: Date;
}

/** Oldest first, after a place, with the seals that there are by now. */
export async function listForExport(
  executor: SqlExecutor,
  { organizationId, projectId, from, to }: ExportRange,
  page: { after: { createdAt: Date; id: string } | undefined; limit: number },
): Promise<ExportedRow[]> {
  const { rows } = await executor.execute<ExportedRow>({
    sql: `select ${EVENT_COLUMNS}, s.seq as seal_seq, s.hash as seal_hash
      from audit_events e left join audit_seals s on s.event_id = e.id
      where ($1::text is null or e.organization_id = $1)
        and ($2::timestamptz is null or e.created_at >= $2) and ($3::timestamptz is null or e.created_at < $3)
        and ($4::timestamptz is null or (e.created_at, e.id) > ($4, $5))
        and ($7::text is null or e.project_id = $7)
      order by e.created_at, e.id limit $6`,
    parameters: [
      organizationId ?? null,
      from ?? null,
      to ?? null,
      page.after?.createdAt ?? null,
      page.after?.id ?? null,
      page.limit,
      projectId ?? null,
    ],
  });
  return rows;
}
