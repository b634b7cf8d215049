import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import type { Database } from '../../src/ports/database.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { createUsageSchema } from '../support/usage-schema.ts';
import { describeBudgetSpending } from './budget-spend.ts';

function describeOn(openFresh: () => Promise<FreshDatabase>): void {
  let fresh: FreshDatabase;
  let database: Database;
  beforeAll(async () => {
    fresh = await openFresh();
    database = await fresh.open();
    await createUsageSchema(database);
  });
  beforeEach(async () => {
    await database.executeScript(
      'delete from limits; delete from budget_spend; delete from usage_records',
    );
  });
  afterAll(async () => {
    await database?.close();
    await fresh?.dispose();
  });
  describeBudgetSpending(() => database);
}

describe('spending of budgets on PGlite', () => {
  describeOn(freshPglite);
});

describeWithLegs('spending of budgets on PostgreSQL', ['postgres'], ({ postgres }) => {
  describeOn(() => freshPostgres(postgres));
});
