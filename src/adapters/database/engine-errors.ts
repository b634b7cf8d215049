import { DatabaseError, type DatabaseErrorDetails } from '../../ports/database.ts';

/** What an engine or driver says about a failure, as plain data that can cross a thread. */
export interface EngineFailure extends DatabaseErrorDetails {
  readonly message: string;
}

// Classes and codes of PostgreSQL's appendix A after which the same statement may succeed elsewhere or later.
const UNAVAILABLE_STATES = ['080', '57P', '53300', '57014', '25P03', '25P04'];

export function isUnavailableState(sqlState: string): boolean {
  return UNAVAILABLE_STATES.some((prefix) => sqlState.startsWith(prefix));
}

/** The failure of a statement that the engine refused; undefined when the error is not the engine's. */
export function sqlFailure(error: unknown): EngineFailure | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined;
  const sqlState = typeof error.code === 'string' ? error.code : undefined;
  const constraint = 'constraint' in error ? error.constraint : undefined;
  return {
    message: error.message,
    sqlState,
    constraint: typeof constraint === 'string' ? constraint : undefined,
    unavailable: sqlState !== undefined && isUnavailableState(sqlState),
    code: sqlState === '57014' ? 'timeout' : undefined,
  };
}

export function databaseErrorOf(failure: EngineFailure): DatabaseError {
  return new DatabaseError(failure.message, failure);
}

export function closedError(): DatabaseError {
  return new DatabaseError('the database is closed', { code: 'database_closed' });
}

export function timeoutError(message: string, cause?: unknown): DatabaseError {
  return new DatabaseError(message, { code: 'timeout', unavailable: true, cause });
}

export function statementTimeoutError(timeoutMs: number): DatabaseError {
  return timeoutError(`the statement did not finish within ${timeoutMs} ms`);
}

export function expiredError(): DatabaseError {
  return new DatabaseError('the transaction was rolled back because it was open too long', {
    code: 'transaction_expired',
    unavailable: true,
  });
}

export function overloadedError(waiting: number): DatabaseError {
  return new DatabaseError(`${waiting} statements already wait for the database`, {
    code: 'overloaded',
    unavailable: true,
  });
}

export function lostError(message: string, cause?: unknown): DatabaseError {
  return new DatabaseError(message, { code: 'connection_lost', unavailable: true, cause });
}

/** COMMIT of a doomed transaction answers ROLLBACK instead of failing. */
export function rolledBackError(): DatabaseError {
  return new DatabaseError('the transaction was rolled back: one of its statements failed', {
    sqlState: '25P02',
  });
}
