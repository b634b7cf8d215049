import type { ExecuteOptions, SqlExecutor } from '../../../ports/database.ts';

const KEYS_MAX = 20;

export interface SigningKeyRow {
  readonly generation: number;
  readonly id: string;
  readonly public_key: string;
  readonly sealed_private_key: string;
  readonly created_at: Date;
  readonly active_from: Date;
}

/** The newest keys, newest first; older ones are long out of use. */
export async function listSigningKeys(
  database: SqlExecutor,
  options?: ExecuteOptions,
): Promise<SigningKeyRow[]> {
  const { rows } = await database.execute<SigningKeyRow>(
    {
      sql: `select generation, id, public_key, sealed_private_key, created_at, active_from
        from signing_keys order by generation desc limit $1`,
      parameters: [KEYS_MAX],
    },
    options,
  );
  return rows;
}

/** True when this call made the key of that generation; false when another instance was faster. */
export async function insertSigningKey(
  transaction: SqlExecutor,
  key: SigningKeyRow,
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: `insert into signing_keys
        (generation, id, public_key, sealed_private_key, created_at, active_from)
      values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    parameters: [
      key.generation,
      key.id,
      key.public_key,
      key.sealed_private_key,
      key.created_at,
      key.active_from,
    ],
  });
  return affectedRows === 1;
}
