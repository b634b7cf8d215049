import {
  type Database,
  DatabaseError,
  type ExecuteOptions,
  type QueryResult,
  type Statement,
  type Transaction,
  type TransactionOptions,
} from '../../src/ports/database.ts';

/** A database that this instance cannot reach for a while, as if its process had died or its cable was pulled. */
export class SeverableDatabase implements Database {
  readonly #database: Database;
  #severed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  get capabilities() {
    return this.#database.capabilities;
  }

  get serverVersion() {
    return this.#database.serverVersion;
  }

  get waiting() {
    return this.#database.waiting;
  }

  sever(): void {
    this.#severed = true;
  }

  heal(): void {
    this.#severed = false;
  }

  async execute<Row>(
    statement: Statement<Row>,
    options?: ExecuteOptions,
  ): Promise<QueryResult<Row>> {
    this.#requireConnection();
    return this.#database.execute(statement, options);
  }

  async transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    this.#requireConnection();
    return this.#database.transaction(work, options);
  }

  async batch(statements: readonly Statement[], options?: ExecuteOptions) {
    this.#requireConnection();
    return this.#database.batch(statements, options);
  }

  forProject(projectId: string) {
    return this.#database.forProject(projectId);
  }

  async executeScript(sql: string): Promise<void> {
    this.#requireConnection();
    await this.#database.executeScript(sql);
  }

  async listen(
    channel: string,
    onNotification: (payload: string) => void,
    onReconnect?: () => void,
  ) {
    const onReceived = (payload: string) => {
      if (!this.#severed) onNotification(payload);
    };
    return this.#database.listen(channel, onReceived, onReconnect);
  }

  async close(): Promise<void> {
    // Its owner closes the database behind it.
  }

  #requireConnection(): void {
    if (this.#severed) throw new DatabaseError('severed', { unavailable: true });
  }
}
