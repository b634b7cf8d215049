import { openStoredKnowledge } from './open-domains.ts';
import type { RebuildResult } from './domains/knowledge/index.ts';
import type { RestoreTarget } from './domains/ops/backup/index.ts';
import {
  applyMigrations,
  openStores,
  type RuntimeContext,
  schemaOf,
  type Stores,
} from './runtime.ts';

/** The configured stores, with whatever schema they have. */
export async function openRestoreTarget(
  context: RuntimeContext,
): Promise<{ target: RestoreTarget; close(): Promise<void> }> {
  const stores = await openStores(context, 'restore');
  const { database, blobs } = stores;
  const target: RestoreTarget = {
    database,
    blobs,
    clock: context.clock,
    currentSchema: async () => (await schemaOf(database)).current,
    knownSchema: async () => (await schemaOf(database)).expected,
    migrate: async (version) => {
      await applyMigrations(database, context, version);
    },
    rebuildIndex: (signal) => rebuildIndex(stores, context, signal),
  };
  return { target, close: () => stores.close() };
}

// Nothing is dropped: an index that somebody else uses too, such as the installation that was backed up, keeps its rows.
async function rebuildIndex(
  stores: Stores,
  context: RuntimeContext,
  signal = new AbortController().signal,
): Promise<RebuildResult[]> {
  const { service, close } = openStoredKnowledge(stores, context);
  try {
    const results: RebuildResult[] = [];
    for (const collection of await service.listCollections())
      results.push(await service.repairCollection(collection, signal));
    return results;
  } finally {
    await close();
  }
}
