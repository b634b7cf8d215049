import { loadConfig } from '../config/load.ts';
import type { Environment } from '../config/mistakes.ts';
import { changeStatement } from '../domains/audit/index.ts';
import {
  createPasswordHasher,
  IdentityService,
  type RecordChange,
  SetupService,
} from '../domains/identity/index.ts';
import { AppError } from '../lib/app-error.ts';
import { silentLog } from '../lib/log.ts';
import { createContext, openDatabaseOnly } from '../runtime.ts';
import { startFailure } from '../start-failure.ts';
import { CommandError } from './exit-codes.ts';

export interface IdentityCommand {
  readonly identity: IdentityService;
  readonly setup: SetupService;
  /** Address that links should have, as configured. */
  readonly url: string;
}

/** Opens the database alone, runs a command on it and closes it. Refusals of the services become one sentence. */
export async function withIdentity<T>(
  env: Environment,
  command: (services: IdentityCommand) => Promise<T>,
): Promise<T> {
  const config = loadConfig(env);
  const context = createContext(config, silentLog);
  const { clock } = context;
  try {
    const { database, close } = await openDatabaseOnly(context);
    try {
      const recordChange: RecordChange = (changer, change) =>
        changeStatement(clock, changer, change);
      const identity = new IdentityService({ database, clock, recordChange });
      const passwords = createPasswordHasher();
      const setup = new SetupService({ database, clock, passwords, recordChange });
      const url = config.http.publicUrl ?? `http://${config.http.host}:${config.http.port}`;
      return await command({ identity, setup, url });
    } finally {
      await close();
    }
  } catch (error) {
    if (error instanceof AppError) throw new CommandError(error.message);
    throw startFailure(error, config.dataDirectory);
  }
}
