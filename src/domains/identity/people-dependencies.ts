import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import type { RecordChange } from './change.ts';
import type { PasswordHasher } from './password.ts';

/** What the services for people work with. */
export interface PeopleDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly passwords: PasswordHasher;
  /** Writes each change down in its own transaction; without it nobody is told. */
  readonly recordChange?: RecordChange;
  /** Called after each committed change, so that this instance sees it at once. */
  readonly onChange?: () => Promise<void>;
}
