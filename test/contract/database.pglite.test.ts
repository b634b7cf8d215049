import { freshPglite } from '../support/fresh-databases.ts';
import { describeDatabaseContract } from './database.contract.ts';
import { describeMigrations } from './database-migration.contract.ts';

describeDatabaseContract('PGlite', freshPglite);
describeMigrations('PGlite', freshPglite);
