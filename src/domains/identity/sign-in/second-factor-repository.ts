import type { SqlExecutor } from '../../../ports/database.ts';

export interface SecondFactorRow {
  readonly sealed_seed: string;
  readonly created_at: Date;
  readonly confirmed_at: Date | null;
}

export async function findSecondFactor(
  database: SqlExecutor,
  userId: string,
): Promise<SecondFactorRow | undefined> {
  const { rows } = await database.execute<SecondFactorRow>({
    sql: 'select sealed_seed, created_at, confirmed_at from second_factors where user_id = $1',
    parameters: [userId],
  });
  return rows[0];
}

/** A seed that awaits its confirmation, in place of an earlier one of that kind; false when one is in force. */
export async function insertPendingSeed(
  database: SqlExecutor,
  seed: { userId: string; sealedSeed: string; createdAt: Date },
): Promise<boolean> {
  const { affectedRows } = await database.execute({
    sql: `insert into second_factors as f (user_id, sealed_seed, created_at, last_used_step)
      values ($1, $2, $3, 0)
      on conflict (user_id) do update set sealed_seed = $2, created_at = $3
        where f.confirmed_at is null`,
    parameters: [seed.userId, seed.sealedSeed, seed.createdAt],
  });
  return affectedRows === 1;
}

/** Puts the seed of that moment in force; false when it was replaced or confirmed in between. */
export async function confirmSeed(
  transaction: SqlExecutor,
  seed: { userId: string; createdAt: Date; step: number; now: Date },
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: `update second_factors set confirmed_at = $3, last_used_step = $4
      where user_id = $1 and created_at = $2 and confirmed_at is null`,
    parameters: [seed.userId, seed.createdAt, seed.now, seed.step],
  });
  return affectedRows === 1;
}

/** True for the first use of a step: neither it nor an earlier one works again. */
export async function useStep(
  transaction: SqlExecutor,
  { userId, step }: { userId: string; step: number },
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: `update second_factors set last_used_step = $2
      where user_id = $1 and confirmed_at is not null and last_used_step < $2`,
    parameters: [userId, step],
  });
  return affectedRows === 1;
}

/** With its recovery codes; false when there was none. */
export async function deleteSecondFactor(
  transaction: SqlExecutor,
  userId: string,
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: 'delete from second_factors where user_id = $1',
    parameters: [userId],
  });
  return affectedRows === 1;
}

export async function insertRecoveryCodes(
  transaction: SqlExecutor,
  { userId, codeHashes }: { userId: string; codeHashes: readonly Uint8Array[] },
): Promise<void> {
  for (const codeHash of codeHashes) {
    await transaction.execute({
      sql: 'insert into recovery_codes (user_id, code_hash) values ($1, $2)',
      parameters: [userId, codeHash],
    });
  }
}

/** True for the first use of a code of that user. */
export async function useRecoveryCode(
  transaction: SqlExecutor,
  { userId, codeHash, now }: { userId: string; codeHash: Uint8Array; now: Date },
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: `update recovery_codes set used_at = $3
      where user_id = $1 and code_hash = $2 and used_at is null`,
    parameters: [userId, codeHash, now],
  });
  return affectedRows === 1;
}

export async function insertTicket(
  database: SqlExecutor,
  ticket: { tokenHash: Uint8Array; userId: string; createdAt: Date; expiresAt: Date },
): Promise<void> {
  await database.execute({
    sql: `insert into sign_in_tickets (token_hash, user_id, created_at, expires_at)
      values ($1, $2, $3, $4)`,
    parameters: [ticket.tokenHash, ticket.userId, ticket.createdAt, ticket.expiresAt],
  });
}

/** Whose ticket it is, when it may still be used. */
export async function findTicket(
  database: SqlExecutor,
  { tokenHash, now }: { tokenHash: Uint8Array; now: Date },
): Promise<{ user_id: string } | undefined> {
  const { rows } = await database.execute<{ user_id: string }>({
    sql: `select t.user_id from sign_in_tickets t
      join users u on u.id = t.user_id and u.disabled_at is null
      where t.token_hash = $1 and t.expires_at > $2`,
    parameters: [tokenHash, now],
  });
  return rows[0];
}

/** True for exactly one caller. */
export async function useTicket(transaction: SqlExecutor, tokenHash: Uint8Array): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: 'delete from sign_in_tickets where token_hash = $1',
    parameters: [tokenHash],
  });
  return affectedRows === 1;
}

/** Whoever had proven an old password has to begin again. */
export async function deleteTicketsOf(transaction: SqlExecutor, userId: string): Promise<void> {
  await transaction.execute({
    sql: 'delete from sign_in_tickets where user_id = $1',
    parameters: [userId],
  });
}
