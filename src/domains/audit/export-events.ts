import type { SqlExecutor } from '../../ports/database.ts';
import { auditEventObject } from './audit-event.ts';
import { type ExportedRow, type ExportRange, listForExport } from './export-repository.ts';

const PAGE = 500;

/** Lines of NDJSON, oldest first, each with its seal; pages are read as fast as they are taken. */
export async function* exportEvents(
  database: SqlExecutor,
  range: ExportRange,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  let after: { createdAt: Date; id: string } | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const rows = await listForExport(database, range, { after, limit: PAGE });
    if (rows.length > 0) yield rows.map(lineOf).join('');
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = { createdAt: last.created_at, id: last.id };
  }
}

function lineOf({ seal_seq: seq, seal_hash: hash, ...event }: ExportedRow): string {
  const seal =
    seq === null || hash === null ? null : { seq, hash: Buffer.from(hash).toString('hex') };
  return `${JSON.stringify({ ...auditEventObject(event), seal })}\n`;
}
