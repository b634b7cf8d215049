import { openStoredKnowledge } from '../open-domains.ts';
import { loadConfig } from '../config/load.ts';
import type { Environment } from '../config/mistakes.ts';
import type { RebuildResult } from '../domains/knowledge/index.ts';
import { silentLog } from '../lib/log.ts';
import { createContext, openStores } from '../runtime.ts';
import { startFailure } from '../start-failure.ts';

/** Rebuilds every collection, one after the other, and returns the proof of each. SIGINT stops in between rows. */
export async function rebuildKnowledge(
  env: Environment,
  { keepIndex }: { keepIndex: boolean },
): Promise<RebuildResult[]> {
  const config = loadConfig(env);
  const context = createContext(config, silentLog);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new Error('interrupted')));
  try {
    const stores = await openStores(context, 'command');
    const { service, close } = openStoredKnowledge(stores, context);
    try {
      const results: RebuildResult[] = [];
      for (const collection of await service.listCollections()) {
        const rebuild = keepIndex ? service.repairCollection : service.rebuildCollection;
        results.push(await rebuild(collection, interrupt.signal));
      }
      return results;
    } finally {
      await close();
      await stores.close();
    }
  } catch (error) {
    throw startFailure(error, config.dataDirectory);
  }
}
