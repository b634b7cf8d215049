import type { Scope } from './role.ts';

/** A key as it is stored; the key itself is known only to whoever received it. */
export interface ApiKeyRow {
  readonly id: string;
  readonly project_id: string;
  readonly name: string;
  readonly prefix: string;
  readonly scopes: Scope[];
  /** Null: every model. */
  readonly models: string[] | null;
  /** Addresses and networks of clients; null: anywhere. */
  readonly allowed_addresses: string[] | null;
  /** Who made it; null for the platform and the command line. */
  readonly created_by: string | null;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
}

export function isLive(key: Pick<ApiKeyRow, 'expires_at' | 'revoked_at'>, now: Date): boolean {
  return key.revoked_at === null && (key.expires_at === null || key.expires_at > now);
}

/** A key on the wire. */
export function apiKeyObject(key: ApiKeyRow) {
  return {
    id: key.id,
    object: 'api_key' as const,
    project_id: key.project_id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    models: key.models,
    allowed_addresses: key.allowed_addresses,
    created_by: key.created_by,
    created_at: unixSeconds(key.created_at),
    expires_at: key.expires_at && unixSeconds(key.expires_at),
    revoked_at: key.revoked_at && unixSeconds(key.revoked_at),
    last_used_at: key.last_used_at && unixSeconds(key.last_used_at),
  };
}

export function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
