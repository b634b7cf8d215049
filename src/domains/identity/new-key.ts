import { apiKeyPrefix, generateApiKey, hashApiKey } from '../../lib/api-key.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ApiKeyRow } from './api-key.ts';
import type { KeySettings, NewApiKey } from './key-repository.ts';
import type { Scope } from './role.ts';

export interface KeyInput {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Null or absent: every model. */
  readonly models?: string[] | null;
  /** Where its clients may be; null or absent: anywhere. */
  readonly addresses?: string[] | null;
  readonly projectId?: string;
  /** Null or absent: no end. */
  readonly expiresAt?: Date | null;
}

export interface CreatedKey {
  readonly key: ApiKeyRow;
  /** The key itself; it cannot be read again. */
  readonly secret: string;
}

/** A key that nobody has seen yet, with the settings and the owner of `like`. */
export function newApiKey(
  clock: Clock,
  like: KeySettings & Pick<ApiKeyRow, 'project_id' | 'created_by'>,
): { row: NewApiKey; secret: string } {
  const secret = generateApiKey();
  const { project_id, name, scopes, models, allowed_addresses, created_by, expires_at } = like;
  const row: NewApiKey = {
    ...{ project_id, name, scopes, models, allowed_addresses, created_by, expires_at },
    id: clock.newId('key_'),
    prefix: apiKeyPrefix(secret),
    key_hash: hashApiKey(secret),
    created_at: clock.now(),
  };
  return { row, secret };
}

/** What is written down of a new key. */
export function keyFields(key: NewApiKey) {
  const { name, prefix, scopes, models, allowed_addresses, expires_at } = key;
  return {
    name: { after: name },
    prefix: { after: prefix },
    scopes: { after: scopes },
    models: { after: models },
    allowed_addresses: { after: allowed_addresses },
    expires_at: { after: expires_at },
  };
}
