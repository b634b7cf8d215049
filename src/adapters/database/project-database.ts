import type {
  Database,
  ExecuteOptions,
  ProjectDatabase,
  QueryResult,
  Statement,
} from '../../ports/database.ts';

/**
 * Each call in a transaction of its own that begins by giving rights up: the role may only read, and the policies of
 * the tables show it the project that is set. Both end with the transaction, so no session keeps them.
 */
export function projectDatabase(
  database: Pick<Database, 'transaction' | 'batch'>,
  projectId: string,
): ProjectDatabase {
  const bind: Statement = {
    sql: "select set_config('role', 'llamp_app', true), set_config('llamp.project_id', $1, true)",
    parameters: [projectId],
  };
  return {
    execute: async <Row>(statement: Statement<Row>, options?: ExecuteOptions) => {
      const results = await database.batch([bind, statement], options);
      return results[1] as QueryResult<Row>;
    },
    batch: async (statements, options) => {
      const results = await database.batch([bind, ...statements], options);
      return results.slice(1);
    },
    transaction: (work, options) =>
      database.transaction(async (transaction) => {
        await transaction.execute(bind);
        return work(transaction);
      }, options),
  };
}
