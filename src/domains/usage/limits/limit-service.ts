import { AppError } from '../../../lib/app-error.ts';
import type { Clock } from '../../../ports/clock.ts';
import { type Database, DatabaseError, type Transaction } from '../../../ports/database.ts';
import { changedFields, changeStatement } from '../../audit/index.ts';
import type { Changer, IdentityService } from '../../identity/index.ts';
import {
  cursorNotFound,
  invalidLimit,
  limitExists,
  limitNotFound,
  limitScopeNotFound,
} from '../errors.ts';
import { ANNOUNCE_CHANGE, announceChange } from '../revision-repository.ts';
import { countEarlierSpending, HOLD_USAGE_RECORDS, readSpending } from './budget-repository.ts';
import { budgetWindow, type LimitPeriod, type LimitRow } from './limit.ts';
import {
  deleteLimit,
  findLimit,
  insertLimit,
  listLimits,
  updateLimitAmount,
} from './limit-repository.ts';
import type { LimitBody, LimitsQuery } from './limit-schemas.ts';

const READ_TIMEOUT_MS = 5_000;
const UNIQUE_VIOLATION = '23505';

type Owner = Changer;

export interface LimitServiceOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly identity: Pick<IdentityService, 'getKey' | 'getProject'>;
  /** Called after each committed change, so that this instance sees it at once. */
  readonly onChange: () => Promise<void>;
}

/** Limits of one organization. Ids of other organizations are treated as missing. */
export class LimitService {
  readonly #options: LimitServiceOptions;

  constructor(options: LimitServiceOptions) {
    this.#options = options;
  }

  /** A budget of a day or month counts what was spent in it before; a total begins now. */
  async create(owner: Owner, body: LimitBody): Promise<LimitRow> {
    const { clock, database } = this.#options;
    const period = periodOf(body);
    await this.#checkScope(owner, body);
    const now = clock.now();
    const limit: LimitRow = {
      id: clock.newId('lim_'),
      organization_id: owner.organizationId,
      scope: body.scope,
      scope_id: body.scope_id,
      model: body.model ?? null,
      kind: body.kind,
      amount: body.amount,
      period,
      created_at: now,
      updated_at: now,
    };
    await database
      .transaction(async (transaction) => {
        await insertCounted(transaction, limit);
        await transaction.execute(this.#recorded(owner, 'limits.create', { after: limit }));
      })
      .catch(asLimitExists);
    await this.#options.onChange();
    return limit;
  }

  async get({ organizationId }: Owner, id: string): Promise<LimitRow> {
    const limit = await findLimit(this.#options.database, { organizationId, id });
    if (limit === undefined) throw limitNotFound(id);
    return limit;
  }

  /** What a budget spent in its present window; undefined for other limits. */
  async spent(limit: LimitRow): Promise<number | undefined> {
    if (limit.kind !== 'money') return undefined;
    const { database, clock } = this.#options;
    const { start } = budgetWindow(limit.period, clock.now());
    const budget = { limitId: limit.id, start };
    const [spent] = await readSpending(database, [budget], { timeoutMs: READ_TIMEOUT_MS });
    return spent ?? 0;
  }

  async list(owner: Owner, { after, limit, scope, scope_id: scopeId }: LimitsQuery) {
    const { database } = this.#options;
    const { organizationId } = owner;
    const cursor =
      after === undefined ? undefined : await findLimit(database, { organizationId, id: after });
    if (after !== undefined && cursor === undefined) throw cursorNotFound(after);
    const filter = { organizationId, scope, scopeId, after: cursor };
    const rows = await listLimits(database, { ...filter, limit: limit + 1 });
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  }

  async changeAmount(owner: Owner, id: string, amount: number): Promise<LimitRow> {
    const limit = await this.get(owner, id);
    const { clock, database } = this.#options;
    const updatedAt = clock.now();
    const after = { ...limit, amount, updated_at: updatedAt };
    const recorded = this.#recorded(owner, 'limits.update', { before: limit, after });
    await database.batch([updateLimitAmount(id, amount, updatedAt), recorded, ...ANNOUNCE_CHANGE]);
    await this.#options.onChange();
    return after;
  }

  async delete(owner: Owner, id: string): Promise<void> {
    const before = await this.get(owner, id);
    const recorded = this.#recorded(owner, 'limits.delete', { before });
    await this.#options.database.batch([...deleteLimit(id), recorded, ...ANNOUNCE_CHANGE]);
    await this.#options.onChange();
  }

  #recorded(
    owner: Owner,
    action: 'limits.create' | 'limits.update' | 'limits.delete',
    { before, after }: { before?: LimitRow; after?: LimitRow },
  ) {
    const resource = { kind: 'limit', id: after?.id ?? before?.id ?? null };
    const changes = changedFields(before ?? null, after ?? null);
    const { clock } = this.#options;
    return changeStatement(clock, owner, { action, resource, projectId: null, changes });
  }

  // Users and models may come later than their limits; the others would be spelling mistakes.
  async #checkScope(owner: Owner, { scope, scope_id: id }: LimitBody): Promise<void> {
    const { identity } = this.#options;
    if (scope === 'organization' && id !== owner.organizationId) throw limitScopeNotFound(id);
    try {
      if (scope === 'project') await identity.getProject(owner, id);
      if (scope === 'api_key') await identity.getKey(owner, id);
    } catch (error) {
      if (error instanceof AppError && error.status === 404) throw limitScopeNotFound(id);
      throw error;
    }
  }
}

function periodOf({ scope, model, kind, period }: LimitBody): LimitPeriod | null {
  if (scope === 'model' && (model ?? null) !== null) {
    throw invalidLimit('model', "A limit of the scope 'model' names its model in 'scope_id'.");
  }
  if (kind === 'parallel') {
    if ((period ?? null) === null) return null;
    throw invalidLimit('period', 'A limit of parallel calls has no period.');
  }
  if (kind === 'money') {
    if (period === 'day' || period === 'month' || period === 'total') return period;
    throw invalidLimit('period', "A budget has the period 'day', 'month' or 'total'.");
  }
  if ((period ?? 'minute') === 'minute') return 'minute';
  throw invalidLimit('period', "Requests and tokens are limited by the 'minute'.");
}

async function insertCounted(transaction: Transaction, limit: LimitRow): Promise<void> {
  const isBudget = limit.kind === 'money' && limit.period !== 'total';
  if (isBudget) await transaction.execute(HOLD_USAGE_RECORDS);
  await transaction.execute(insertLimit(limit));
  if (isBudget) {
    const { start } = budgetWindow(limit.period, limit.created_at);
    await transaction.execute(countEarlierSpending(limit, start));
  }
  await announceChange(transaction);
}

function asLimitExists(error: unknown): never {
  if (error instanceof DatabaseError && error.sqlState === UNIQUE_VIOLATION) throw limitExists();
  throw error;
}
