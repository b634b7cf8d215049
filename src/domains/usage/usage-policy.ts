import type { Log } from '../../lib/log.ts';
import { type LoadOptions, RevisionedSnapshot } from '../../lib/revisioned-snapshot.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import { LimitIndex } from './limits/limit-index.ts';
import { loadLimits } from './limits/limit-repository.ts';
import { findActivePriceVersion, loadPrices } from './prices/price-repository.ts';
import { PRICES_MAX } from './prices/price-schemas.ts';
import { PriceTable } from './prices/price-table.ts';
import { readRevision, USAGE_CHANNEL } from './revision-repository.ts';

/** What may be used and what it costs, as it is in force now. */
export interface UsagePolicy {
  readonly limits: LimitIndex;
  readonly prices: PriceTable;
}

export const NO_POLICY: UsagePolicy = {
  limits: new LimitIndex([]),
  prices: new PriceTable(null, []),
};

/** Limits and prices in memory: a change anywhere is in force here within two seconds, as one swap. */
export function usagePolicySnapshot(options: {
  database: Database;
  clock: Clock;
  log: Log;
}): RevisionedSnapshot<UsagePolicy> {
  const { database, clock, log } = options;
  return new RevisionedSnapshot<UsagePolicy>({
    name: 'usage-policy',
    initial: NO_POLICY,
    readRevision: (limits) => readRevision(database, limits),
    load: (limits) => loadPolicy(database, limits),
    listen: (onChange) => database.listen(USAGE_CHANNEL, onChange, onChange),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
    log,
  });
}

async function loadPolicy(database: Database, options: LoadOptions): Promise<UsagePolicy> {
  const limits = new LimitIndex(await loadLimits(database, options));
  const version = await findActivePriceVersion(database, options);
  if (version === undefined) return { limits, prices: NO_POLICY.prices };
  const query = { versionId: version.id, limit: PRICES_MAX };
  const prices = new PriceTable(version.id, await loadPrices(database, query, options));
  return { limits, prices };
}
