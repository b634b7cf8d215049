import { afterAll, beforeAll, describe } from 'vitest';
import type { Database, QueryResult } from '../../src/ports/database.ts';
import { specifyLimits } from './database-limits.contract.ts';
import { specifyNotifications } from './database-notifications.contract.ts';
import { specifyProjects } from './database-projects.contract.ts';
import { specifyTransactions } from './database-transactions.contract.ts';
import { specifyValues } from './database-values.contract.ts';

export interface DatabaseFixture {
  /** Opens a database that is empty at first; whether two calls open the same one is up to the adapter. */
  open(): Promise<Database>;
  /** Sessions that the adapter has at most. */
  readonly sessions: number;
  dispose(): Promise<void>;
}

export interface DatabaseContext extends DatabaseFixture {
  readonly database: Database;
  /** Runs one statement on the shared database. */
  run<Row = Record<string, unknown>>(
    sql: string,
    ...parameters: unknown[]
  ): Promise<QueryResult<Row>>;
}

/** What every adapter of the database port promises. */
export function describeDatabaseContract(
  name: string,
  createFixture: () => Promise<DatabaseFixture>,
): void {
  describe(`database contract: ${name}`, () => {
    let context: DatabaseContext | undefined;

    beforeAll(async () => {
      const fixture = await createFixture();
      const database = await fixture.open();
      context = {
        ...fixture,
        database,
        run: (sql, ...parameters) => database.execute({ sql, parameters }),
      };
    });

    afterAll(async () => {
      await context?.database.close();
      await context?.dispose();
    });

    const current = () => {
      if (context === undefined) throw new Error('the fixture did not open');
      return context;
    };
    specifyValues(current);
    specifyTransactions(current);
    specifyNotifications(current);
    specifyLimits(current);
    specifyProjects(current);
  });
}
