import type { SecretBox } from '../../../lib/secret-box.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { type Changer, type RecordChange, writeChange } from '../change.ts';
import { announceSignInChange } from './session-repository.ts';
import { insertSigningKey, listSigningKeys, type SigningKeyRow } from './signing-key-repository.ts';
import { createSigningKey } from './signing-keys.ts';

export interface SigningKeyDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly box: SecretBox;
  readonly recordChange?: RecordChange;
}

/**
 * Publishes the next key; it signs after a quarter of an hour. While one waits for its turn no further one is made: keys
 * would push each other out before their tokens are over. Of parallel calls one makes the key. Returns the newest key.
 */
export async function rotateSigningKey(
  dependencies: SigningKeyDependencies,
  changer?: Changer,
): Promise<SigningKeyRow> {
  const { database, clock, box } = dependencies;
  const now = clock.now();
  const [newest] = await listSigningKeys(database);
  if (newest !== undefined && newest.active_from > now) return newest;
  const generation = (newest?.generation ?? 0) + 1;
  const key = createSigningKey({ generation, id: clock.newId('sigkey_'), now }, box);
  await database.transaction(async (transaction) => {
    if (!(await insertSigningKey(transaction, key))) return;
    if (changer !== undefined) {
      await writeChange(transaction, dependencies, changer, {
        action: 'signing_keys.rotate',
        resource: { kind: 'signing_key', id: key.id },
        projectId: null,
        changes: { replaces: { after: newest?.id ?? null } },
      });
    }
    await announceSignInChange(transaction);
  });
  const [current = key] = await listSigningKeys(database);
  return current;
}
