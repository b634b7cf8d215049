import type { FastifyInstance } from 'fastify';
import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import type { EphemeralStore } from '../../ports/ephemeral-store.ts';
import type { IdentityService } from '../identity/index.ts';
import type { LimitEnforcer } from './limits/admission.ts';
import { limitRoutes } from './limits/limit-routes.ts';
import { LimitService } from './limits/limit-service.ts';
import { StoreLimitEnforcer } from './limits/store-limit-enforcer.ts';
import type { PriceBook } from './price-book.ts';
import { priceRoutes } from './prices/price-routes.ts';
import { PriceService } from './prices/price-service.ts';
import { usagePolicySnapshot } from './usage-policy.ts';

export interface LimitsOptions {
  readonly database: Database;
  /** Counts for all instances. */
  readonly shared: EphemeralStore;
  /** Counts for this process while the shared one is away. */
  readonly local: EphemeralStore;
  readonly identity: Pick<IdentityService, 'getKey' | 'getProject'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Limits and prices of the installation. */
export interface Limits {
  readonly enforcer: LimitEnforcer;
  readonly prices: PriceBook;
  /** The management API of both; register it under `/api/v1`. */
  routes(app: FastifyInstance): Promise<void>;
  /** Resolves when every change that was committed before the call is in force here. */
  refresh(): Promise<void>;
  /** Call it when no call is running any more, before the stores are closed. */
  close(): Promise<void>;
}

/** Loads limits and prices; rejects when the database cannot be asked. */
export async function openLimits(options: LimitsOptions): Promise<Limits> {
  const { database, clock, identity, log } = options;
  const policy = usagePolicySnapshot({ database, clock, log });
  await policy.open();
  const enforcer = new StoreLimitEnforcer({ ...options, limits: () => policy.current.limits });
  // The change is committed by then; the copy looks for itself every second.
  const onChange = () =>
    policy
      .refresh()
      .catch((error: unknown) => log.warn({ error }, 'limits will be refreshed later'));
  const limits = new LimitService({ database, clock, identity, onChange });
  const prices = new PriceService({ database, clock, onChange });
  return {
    enforcer,
    prices: {
      costMicros: (model, counts, deployment) =>
        policy.current.prices.costMicros(model, counts, deployment),
    },
    routes: async (app) => {
      limitRoutes(app, limits);
      priceRoutes(app, prices);
    },
    refresh: () => policy.refresh(),
    close: async () => {
      await enforcer.close();
      await policy.close();
    },
  };
}
