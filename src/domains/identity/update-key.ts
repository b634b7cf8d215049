import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import { type ApiKeyRow, isLive } from './api-key.ts';
import type { Changer, RecordChange } from './change.ts';
import { apiKeyNotFound, apiKeyNotLive, expiryPassed } from './errors.ts';
import { requireAddressRanges, requireGrantable } from './key-grants.ts';
import { findApiKey, type KeySettings, updateApiKey } from './key-repository.ts';
import { reachOf } from './policy.ts';
import { announceChange } from './revision-repository.ts';

const SETTINGS = ['name', 'scopes', 'models', 'allowed_addresses', 'expires_at'] as const;

/** Changes the settings that are given, in one transaction with its audit event. The key stays the same. */
export async function updateKey(
  services: { database: Database; clock: Clock; recordChange: RecordChange | undefined },
  changer: Changer,
  { id, settings }: { id: string; settings: Partial<KeySettings> },
): Promise<ApiKeyRow> {
  const { database, clock, recordChange } = services;
  requireAddressRanges(settings.allowed_addresses);
  const now = clock.now();
  return database.transaction(async (transaction) => {
    const key = { ...reachOf(changer), id };
    const before = await findApiKey(transaction, key, 'for update of k');
    if (before === undefined) throw apiKeyNotFound(id);
    const changes = changesOf(before, settings);
    if (Object.keys(changes).length === 0) return before;
    const after = { ...before, ...given(settings) };
    requireChangeable({ before, after, now });
    requireGrantable(changer, after, before);
    await transaction.execute(updateApiKey(id, after));
    const change = { action: 'keys.update' as const, resource: { kind: 'api_key', id }, changes };
    const recorded = recordChange?.(changer, { ...change, projectId: before.project_id });
    if (recorded !== undefined) await transaction.execute(recorded);
    await announceChange(transaction);
    return after;
  });
}

function requireChangeable({
  before,
  after,
  now,
}: {
  before: ApiKeyRow;
  after: ApiKeyRow;
  now: Date;
}) {
  if (!isLive(before, now)) throw apiKeyNotLive(before.id);
  if (after.expires_at !== null && after.expires_at <= now) throw expiryPassed();
}

function changesOf(before: ApiKeyRow, settings: Partial<KeySettings>) {
  const differing = SETTINGS.filter(
    (name) =>
      settings[name] !== undefined &&
      JSON.stringify(settings[name]) !== JSON.stringify(before[name]),
  );
  return Object.fromEntries(
    differing.map((name) => [name, { before: before[name], after: settings[name] }]),
  );
}

function given(settings: Partial<KeySettings>): Partial<KeySettings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
