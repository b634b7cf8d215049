import { systemClock } from '../../src/adapters/clock/system.ts';
import { createMemoryEphemeralStore } from '../../src/adapters/ephemeral-store/memory.ts';
import { type Limits, openLimits } from '../../src/domains/usage/index.ts';
import type { LimitRow } from '../../src/domains/usage/limits/limit.ts';
import type { LimitBody } from '../../src/domains/usage/limits/limit-schemas.ts';
import { LimitService } from '../../src/domains/usage/limits/limit-service.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { type Log, silentLog } from '../../src/lib/log.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Database } from '../../src/ports/database.ts';
import type { EphemeralStore } from '../../src/ports/ephemeral-store.ts';

export const PRINCIPAL = { organizationId: 'org_1', projectId: 'proj_1', apiKeyId: 'key_1' };

const notFound = () => new AppError({ code: 'not_found', status: 404, message: 'not found' });

/** Knows the projects of `createUsageSchema`, and any key that begins with `key_`. */
export const IDENTITY = {
  getProject: async ({ organizationId }: { organizationId: string }, id: string) => {
    if (organizationId !== 'org_1' || !['proj_1', 'proj_2'].includes(id)) throw notFound();
    const row = { id, organization_id: 'org_1', name: id, archived_at: null };
    return { ...row, created_at: new Date(0) };
  },
  getKey: async (_owner: object, id: string) => {
    if (!id.startsWith('key_')) throw notFound();
    const row = { id, project_id: 'proj_1', name: id, prefix: id, created_by: null };
    const rights = { scopes: [], models: null, allowed_addresses: null };
    const times = { created_at: new Date(0), expires_at: null, revoked_at: null };
    return { ...row, ...rights, ...times, last_used_at: null };
  },
};

export interface LimitsInstanceOptions {
  readonly database: Database;
  readonly shared: EphemeralStore;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** What one instance of the application has of limits. */
export async function openLimitsInstance(options: LimitsInstanceOptions): Promise<Limits> {
  const { database, shared, clock = systemClock, log = silentLog } = options;
  const nowMs = () => clock.now().getTime();
  const local = createMemoryEphemeralStore({ log, nowMs });
  return openLimits({ database, shared, local, identity: IDENTITY, clock, log });
}

/** Stores limits as the management API does; the instances see them by themselves. */
export function limitMaker(database: Database, clock: Clock = systemClock) {
  const onChange = async () => undefined;
  const service = new LimitService({ database, clock, identity: IDENTITY, onChange });
  return (body: Partial<LimitBody> & Pick<LimitBody, 'kind' | 'amount'>): Promise<LimitRow> =>
    service.create(PRINCIPAL, { scope: 'project', scope_id: 'proj_1', ...body });
}
