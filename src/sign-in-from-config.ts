import { type PasswordHasher, SignIn } from './domains/identity/index.ts';
import type { RuntimeContext, Stores } from './runtime.ts';
import { openSecretBox } from './secret-key.ts';

/** Sign-in of people, with the keys of this installation. */
export async function signInFromConfig(
  { database }: Pick<Stores, 'database'>,
  { config, log, clock }: RuntimeContext,
  { passwords, installationId }: { passwords: PasswordHasher; installationId: string },
): Promise<SignIn> {
  const signIn = new SignIn({
    database,
    clock,
    log,
    passwords,
    parties: { issuer: `llamp:${installationId}`, audience: 'llamp' },
    box: await openSecretBox(config),
    onSecurityEvent: async (event) => log.warn({ event }, 'a session was ended for security'),
  });
  await signIn.open();
  return signIn;
}
