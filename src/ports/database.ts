/**
 * The relational store: PostgreSQL in both shapes. It is the truth; what `execute`, `transaction` or `batch`
 * acknowledged survives the death of every process, and of the machine where the engine syncs (both adapters do).
 */

/** One SQL statement with bound parameters (`$1` …). `Row` is the shape of its rows. Kysely's compiled queries fit. */
export interface Statement<Row = unknown> {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** Type only; never set. */
  readonly row?: Row;
}

export interface QueryResult<Row> {
  readonly rows: Row[];
  /** Rows inserted, updated or deleted; 0 for a plain select. */
  readonly affectedRows: number;
}

export interface ExecuteOptions {
  /** Cancels waiting; the statement itself is cancelled where the engine can. Default 30 000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface TransactionOptions extends ExecuteOptions {
  /**
   * This long after its begin the transaction is rolled back and later calls on it fail with code
   * `transaction_expired`. Default 10 000. Waiting for a session before that is bounded by the adapter (30 s).
   * Never await the network inside a transaction: the embedded engine has one session.
   */
  readonly timeoutMs?: number;
}

/**
 * Runs statements. Values come back the same from every adapter: `int2/int4/int8` as `number` (an int8 beyond
 * 2^53 is an error), `float4/8` as `number`, `numeric` as `string`, `timestamptz` as `Date`, `json/jsonb` parsed,
 * `bytea` as `Uint8Array`, arrays of these as arrays, NULL as `null`, every other type as PostgreSQL's text.
 * Parameters: the same types; plain objects are sent as JSON text for `jsonb`; an array is always an SQL array, so
 * for a `jsonb` array (or a `jsonb` string) pass its JSON text.
 */
export interface SqlExecutor {
  /**
   * Without parameters the text may hold several statements (in one implicit transaction unless it has its own
   * `begin … commit`); `rows` then holds the rows of all of them in order and `affectedRows` is their sum.
   */
  execute<Row>(statement: Statement<Row>, options?: ExecuteOptions): Promise<QueryResult<Row>>;
}

/** One open transaction, READ COMMITTED. A failed statement dooms it: every later statement fails until rollback. */
export interface Transaction extends SqlExecutor {}

export interface DatabaseCapabilities {
  /** More than one session can run at once, in this process and others. False for the embedded engine. */
  readonly concurrentSessions: boolean;
}

export interface Database extends SqlExecutor {
  readonly capabilities: DatabaseCapabilities;
  /** Server version as PostgreSQL's `server_version_num`, for example 180006. */
  readonly serverVersion: number;
  /**
   * Commits when `work` resolves, rolls back when it rejects and rethrows its error. Acknowledged means durable.
   * A crash before the acknowledgement leaves either everything or nothing.
   */
  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /** All statements in one transaction and one round trip; results in order. Prefer it for short writes. */
  batch(
    statements: readonly Statement[],
    options?: ExecuteOptions,
  ): Promise<QueryResult<unknown>[]>;
  /**
   * For what is read in the name of a principal: whatever its statements ask, they see the rows of this project alone
   * and change nothing. A statement costs one round trip, as without it; a transaction one more.
   */
  forProject(projectId: string): ProjectDatabase;
  /** Runs SQL text of several statements without parameters, in one implicit transaction; at most an hour. */
  executeScript(sql: string): Promise<void>;
  /**
   * Calls `onNotification` for each NOTIFY on `channel`, from any process. Delivery is at most once: after a
   * reconnect `onReconnect` is called, since notifications may have been missed. Returns the unsubscribe function.
   */
  listen(
    channel: string,
    onNotification: (payload: string) => void,
    onReconnect?: () => void,
  ): Promise<() => Promise<void>>;
  /** Statements that wait for a session now; for metrics. */
  readonly waiting: number;
  /** Waits for running work, then releases everything. Later calls fail with code `database_closed`. */
  close(): Promise<void>;
}

/** A database that shows one project. */
export interface ProjectDatabase extends Pick<Database, 'execute' | 'transaction' | 'batch'> {}

export type DatabaseErrorCode =
  | 'transaction_expired'
  | 'database_closed'
  | 'timeout'
  | 'connection_lost'
  | 'overloaded';

export interface DatabaseErrorDetails {
  readonly sqlState?: string;
  readonly constraint?: string;
  readonly unavailable?: boolean;
  readonly code?: DatabaseErrorCode;
  readonly cause?: unknown;
}

/**
 * Errors: a violated constraint is a `DatabaseError` with `sqlState` (`23505` unique …) and `constraint`; a lost
 * connection, a refused one, or a time-out is a `DatabaseError` with `unavailable: true` and may be retried
 * when the statement is idempotent. `code` tells the kinds apart that do not come from the engine. An aborted
 * signal rejects with the signal's reason instead.
 */
export class DatabaseError extends Error {
  readonly sqlState: string | undefined;
  readonly constraint: string | undefined;
  readonly unavailable: boolean;
  readonly code: DatabaseErrorCode | undefined;
  constructor(message: string, details: DatabaseErrorDetails) {
    super(message, { cause: details.cause });
    this.name = 'DatabaseError';
    this.sqlState = details.sqlState;
    this.constraint = details.constraint;
    this.unavailable = details.unavailable ?? false;
    this.code = details.code;
  }
}
