import { loadConfig } from '../config/load.ts';
import type { Environment } from '../config/mistakes.ts';
import { changeStatement } from '../domains/audit/index.ts';
import {
  createPasswordHasher,
  IdentityService,
  InvitationService,
  type RecordChange,
  rotateSigningKey,
  SetupService,
  UserService,
} from '../domains/identity/index.ts';
import { AppError } from '../lib/app-error.ts';
import { silentLog } from '../lib/log.ts';
import { createContext, openDatabaseOnly } from '../runtime.ts';
import { openVerifiedSecretBox } from '../secret-key.ts';
import { startFailure } from '../start-failure.ts';
import { CommandError } from './exit-codes.ts';

export interface IdentityCommand {
  readonly identity: IdentityService;
  readonly setup: SetupService;
  readonly users: UserService;
  readonly invitations: InvitationService;
  /** Publishes the next key that signs access tokens. */
  rotateSigningKey(changer: { organizationId: string }): Promise<{ id: string; active_from: Date }>;
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
      const dependencies = { database, clock, passwords, recordChange };
      const url = config.http.publicUrl ?? `http://${config.http.host}:${config.http.port}`;
      return await command({
        identity,
        setup: new SetupService(dependencies),
        users: new UserService(dependencies),
        invitations: new InvitationService(dependencies),
        rotateSigningKey: async (changer) => {
          const box = await openVerifiedSecretBox(config, { database, clock });
          if (box === undefined) throw new CommandError('LLAMP_SECRET_KEY is not set');
          return await rotateSigningKey({ database, clock, box, recordChange }, changer);
        },
        url,
      });
    } finally {
      await close();
    }
  } catch (error) {
    if (error instanceof AppError) throw new CommandError(error.message);
    throw startFailure(error, config.dataDirectory);
  }
}
