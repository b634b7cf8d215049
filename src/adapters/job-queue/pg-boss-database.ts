import type { Db } from 'pg-boss';
import { type Database, DatabaseError, type SqlExecutor } from '../../ports/database.ts';

/** Supervision counts and deletes over whole tables; requests never wait for it. */
const STATEMENT_TIMEOUT_MS = 60_000;

export type NotificationObserver = {
  /** A job of `queue` can run now. */
  onJob(queue: string): void;
  /** Notifications may have been missed. */
  onReconnect(): void;
};

/** Runs what pg-boss asks for on our executor: the database, or one open transaction. */
export function pgBossExecutor(executor: SqlExecutor): Db {
  return {
    executeSql: async (text, values = []) => {
      try {
        return await executor.execute<Record<string, unknown>>(
          { sql: text, parameters: values },
          { timeoutMs: STATEMENT_TIMEOUT_MS },
        );
      } catch (error) {
        throw withDriverCode(error);
      }
    },
  };
}

/** The same with notifications, which reach `observer` too: pg-boss wakes its own workers only, and ours are not. */
export function pgBossDatabase(database: Database, observer: NotificationObserver): Db {
  return {
    ...pgBossExecutor(database),
    listen: async (channel, onNotification, onReconnect) => {
      const close = await database.listen(
        channel,
        (queue) => {
          onNotification(queue);
          observer.onJob(queue);
        },
        () => {
          onReconnect();
          observer.onReconnect();
        },
      );
      return { close };
    },
  };
}

// pg-boss tells a lost race from a failure by the driver's `code`.
function withDriverCode(error: unknown): unknown {
  return error instanceof DatabaseError ? Object.assign(error, { code: error.sqlState }) : error;
}
