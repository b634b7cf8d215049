export type BackupErrorCode =
  /** Something of the archive is not what was written. */
  | 'archive_damaged'
  /** The keys at hand open nothing of it. */
  | 'wrong_key'
  /** It cannot be done here or now; the message says what to change. */
  | 'refused';

/** Why a backup cannot be made, read or put back, in one sentence. */
export class BackupError extends Error {
  readonly code: BackupErrorCode;
  constructor(code: BackupErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'BackupError';
    this.code = code;
  }
}

export const damaged = (message: string, cause?: unknown) =>
  new BackupError('archive_damaged', message, { cause });

export const refused = (message: string) => new BackupError('refused', message);
