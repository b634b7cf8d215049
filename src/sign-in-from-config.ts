import { type PasswordHasher, SignIn } from './domains/identity/index.ts';
import type { SecretBox } from './lib/secret-box.ts';
import type { RuntimeContext, Stores } from './runtime.ts';

interface SignInParts {
  readonly passwords: PasswordHasher;
  readonly installationId: string;
  readonly box: SecretBox | undefined;
}

/** Sign-in of people, with the keys of this installation. */
export async function signInFromConfig(
  { database }: Pick<Stores, 'database'>,
  { log, clock }: RuntimeContext,
  { passwords, installationId, box }: SignInParts,
): Promise<SignIn> {
  const signIn = new SignIn({
    database,
    clock,
    log,
    passwords,
    parties: { issuer: `llamp:${installationId}`, audience: 'llamp' },
    box,
    onSecurityEvent: async (event) => log.warn({ event }, 'a session was ended for security'),
  });
  await signIn.open();
  return signIn;
}
