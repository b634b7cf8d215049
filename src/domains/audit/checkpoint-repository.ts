import type { SqlExecutor } from '../../ports/database.ts';
import type { AuditKeyRow } from './checkpoint.ts';

/** The key that signs: the newest one. */
export async function findAuditKey(executor: SqlExecutor): Promise<AuditKeyRow | undefined> {
  const sql = 'select * from audit_keys order by created_at desc, id desc limit 1';
  return (await executor.execute<AuditKeyRow>({ sql, parameters: [] })).rows[0];
}

export async function insertAuditKey(executor: SqlExecutor, key: AuditKeyRow): Promise<void> {
  await executor.execute({
    sql: `insert into audit_keys (id, public_key, sealed_private_key, created_at) values ($1, $2, $3, $4)`,
    parameters: [key.id, key.public_key, key.sealed_private_key, key.created_at],
  });
}

export async function findLastCheckpoint(
  executor: SqlExecutor,
): Promise<{ seq: number; created_at: Date } | undefined> {
  const sql = 'select seq, created_at from audit_checkpoints order by seq desc limit 1';
  return (await executor.execute<{ seq: number; created_at: Date }>({ sql, parameters: [] }))
    .rows[0];
}

export async function insertCheckpoint(
  executor: SqlExecutor,
  checkpoint: { seq: number; hash: Uint8Array; time: Date },
): Promise<void> {
  await executor.execute({
    sql: 'insert into audit_checkpoints (seq, hash, created_at) values ($1, $2, $3)',
    parameters: [checkpoint.seq, checkpoint.hash, checkpoint.time],
  });
}
