import { apiKeyPrefix, generateApiKey, hashApiKey } from '../../lib/api-key.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database, SqlExecutor } from '../../ports/database.ts';
import {
  claimInstallation,
  insertOrganization,
  insertOwnerUser,
  readInstallationId,
} from './installation-repository.ts';
import { insertApiKey, UNBOUND } from './key-repository.ts';
import { generateToken, hashToken } from './one-time-link.ts';
import { insertOneTimeLink } from './one-time-link-repository.ts';
import type { PasswordHasher } from './password.ts';
import { SCOPES } from './role.ts';
import { insertProject } from './project-repository.ts';
import { announceChange } from './revision-repository.ts';

const DEFAULT_EMAIL = 'admin@localhost';
const DAY_MS = 86_400_000;

export interface BootstrapOptions {
  readonly adminEmail: string | undefined;
  readonly adminPassword: string | undefined;
  readonly apiKey: string | undefined;
}

export type BootstrapResult =
  | { readonly created: false; readonly installationId: string }
  | {
      readonly created: true;
      readonly installationId: string;
      readonly projectId: string;
      readonly adminEmail: string;
      /** The first key, to be printed once; null when the operator chose it. */
      readonly apiKey: string | null;
      /** Token of the link that sets the administrator's password, to be printed once; null with a given password. */
      readonly oneTimeToken: string | null;
    };

interface Secrets {
  readonly apiKey: string;
  readonly passwordHash: string | null;
  readonly oneTimeToken: string | null;
}

/**
 * Fills an empty installation: organization, project, administrator, first key. Safe when any number of instances
 * start at once: one does it in one transaction, the others see its result. Does nothing later.
 */
export async function bootstrap(
  dependencies: { database: Database; clock: Clock; passwords: PasswordHasher },
  options: BootstrapOptions,
): Promise<BootstrapResult> {
  const { database, clock, passwords } = dependencies;
  const existing = await readInstallationId(database);
  if (existing !== undefined) return { created: false, installationId: existing };

  const { adminPassword } = options;
  const secrets: Secrets = {
    apiKey: options.apiKey ?? generateApiKey(),
    // Before the transaction: hashing takes long, and the embedded engine has one session.
    passwordHash: adminPassword === undefined ? null : await passwords.hash(adminPassword),
    oneTimeToken: adminPassword === undefined ? generateToken() : null,
  };
  const ids = {
    installationId: clock.newId('inst_'),
    organizationId: clock.newId('org_'),
    projectId: clock.newId('proj_'),
    userId: clock.newId('user_'),
    keyId: clock.newId('key_'),
  };
  const adminEmail = (options.adminEmail ?? DEFAULT_EMAIL).toLowerCase();
  const created = await database.transaction((transaction) =>
    fill(transaction, { ids, secrets, adminEmail, now: clock.now() }),
  );
  if (!created) {
    const winner = await readInstallationId(database);
    if (winner === undefined)
      throw new Error('the installation vanished while it was being filled');
    return { created: false, installationId: winner };
  }
  return {
    created: true,
    installationId: ids.installationId,
    projectId: ids.projectId,
    adminEmail,
    apiKey: options.apiKey === undefined ? secrets.apiKey : null,
    oneTimeToken: secrets.oneTimeToken,
  };
}

interface Filling {
  readonly ids: Readonly<
    Record<'installationId' | 'organizationId' | 'projectId' | 'userId' | 'keyId', string>
  >;
  readonly secrets: Secrets;
  readonly adminEmail: string;
  readonly now: Date;
}

async function fill(transaction: SqlExecutor, filling: Filling): Promise<boolean> {
  const { ids, secrets, adminEmail, now } = filling;
  if (!(await claimInstallation(transaction, { id: ids.installationId, createdAt: now })))
    return false;
  await insertOrganization(transaction, {
    id: ids.organizationId,
    name: 'Default organization',
    createdAt: now,
  });
  await transaction.execute(
    insertProject({
      id: ids.projectId,
      organization_id: ids.organizationId,
      name: 'Default project',
      created_at: now,
    }),
  );
  await insertOwnerUser(transaction, {
    id: ids.userId,
    organizationId: ids.organizationId,
    email: adminEmail,
    name: 'Administrator',
    passwordHash: secrets.passwordHash,
    createdAt: now,
  });
  await transaction.execute(
    insertApiKey({
      id: ids.keyId,
      project_id: ids.projectId,
      name: 'First key',
      prefix: apiKeyPrefix(secrets.apiKey),
      key_hash: hashApiKey(secrets.apiKey),
      scopes: [...SCOPES],
      ...UNBOUND,
      created_by: ids.userId,
      created_at: now,
      expires_at: null,
    }),
  );
  if (secrets.oneTimeToken !== null)
    await insertSetupLink(transaction, { token: secrets.oneTimeToken, userId: ids.userId, now });
  await announceChange(transaction);
  return true;
}

async function insertSetupLink(
  transaction: SqlExecutor,
  { token, userId, now }: { token: string; userId: string; now: Date },
): Promise<void> {
  await insertOneTimeLink(transaction, {
    tokenHash: hashToken(token),
    userId,
    purpose: 'setup',
    createdAt: now,
    expiresAt: new Date(now.getTime() + DAY_MS),
  });
}
