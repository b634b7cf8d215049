import type { QueryResult as DriverResult } from 'pg';
import { DatabaseError, type QueryResult } from '../../ports/database.ts';
import { databaseErrorOf, lostError, sqlFailure, timeoutError } from './engine-errors.ts';

const CHANGING_COMMANDS = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY']);

/** The driver answers text of several statements with an array, which its types do not say. */
export function queryResultOf(answer: DriverResult | DriverResult[]): QueryResult<unknown> {
  if (!Array.isArray(answer)) return { rows: answer.rows, affectedRows: affectedRowsOf(answer) };
  return {
    rows: answer.flatMap((result) => result.rows),
    affectedRows: answer.reduce((sum, result) => sum + affectedRowsOf(result), 0),
  };
}

function affectedRowsOf(result: DriverResult): number {
  // For a select the driver reports the rows read.
  return CHANGING_COMMANDS.has(result.command) ? (result.rowCount ?? 0) : 0;
}

/** Whatever the driver threw, as the port's error. */
export function portErrorOf(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const failure = sqlFailure(error);
  if (failure !== undefined) return databaseErrorOf({ ...failure, cause: error });
  // A value that does not convert (an int8 beyond 2^53).
  if (error instanceof RangeError) return new DatabaseError(error.message, { cause: error });
  const reason = error instanceof Error ? reasonOf(error) : String(error);
  if (reason.includes('timeout exceeded when trying to connect'))
    return timeoutError('no session of the database became free in time', error);
  return lostError(`the database cannot be reached: ${reason}`, error);
}

// Node reports several refused addresses as an AggregateError without a message.
function reasonOf(error: Error): string {
  if (error instanceof AggregateError)
    return error.errors
      .map((each) => (each instanceof Error ? each.message : String(each)))
      .join('; ');
  return error.message;
}
