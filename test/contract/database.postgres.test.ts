import { freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { describeDatabaseContract } from './database.contract.ts';
import { describeMigrations } from './database-migration.contract.ts';

describeWithLegs('PostgreSQL', ['postgres'], (addresses) => {
  describeDatabaseContract('PostgreSQL', () => freshPostgres(addresses.postgres));
  describeMigrations('PostgreSQL', () => freshPostgres(addresses.postgres));
});
