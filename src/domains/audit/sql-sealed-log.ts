import type { SqlExecutor } from '../../ports/database.ts';
import { findSeqOfHash, findUnsealedAmongSealed, listSealed } from './seal-repository.ts';
import type { SealedLog } from './sealed-log.ts';

/** The sealed log as it lies in the database. */
export function sqlSealedLog(database: SqlExecutor): SealedLog {
  return {
    read: (afterSeq, limit) => listSealed(database, { afterSeq, limit }),
    seqOfHash: (hash) => findSeqOfHash(database, hash),
    unsealedAmongSealed: () => findUnsealedAmongSealed(database),
  };
}
