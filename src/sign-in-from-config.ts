import {
  createPeople,
  type PasswordHasher,
  type People,
  type RecordChange,
} from './domains/identity/index.ts';
import type { SecretBox } from './lib/secret-box.ts';
import type { RuntimeContext, Stores } from './runtime.ts';

interface SignInParts {
  readonly passwords: PasswordHasher;
  readonly installationId: string;
  readonly box: SecretBox | undefined;
  readonly recordChange: RecordChange;
  /** What else has to see a change of people at once. */
  readonly onChange?: () => Promise<void>;
}

/** People of this installation: how they come in, and what they do with their account. */
export function peopleFromConfig(
  { database }: Pick<Stores, 'database'>,
  { config, log, clock }: RuntimeContext,
  { installationId, ...parts }: SignInParts,
): People {
  return createPeople({
    database,
    clock,
    log,
    ...parts,
    parties: { issuer: `llamp:${installationId}`, audience: 'llamp' },
    requireTotp: config.requireTotp,
    publicUrl: config.http.publicUrl,
    onSecurityEvent: async ({ type, userId, sessionId }) =>
      log.warn(
        { 'event.action': type, 'user.id': userId, 'llamp.session_id': sessionId },
        'a session was ended for security',
      ),
  });
}
