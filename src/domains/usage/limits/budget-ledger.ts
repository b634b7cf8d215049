import type { Log } from '../../../lib/log.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import type { EphemeralStore, Spending } from '../../../ports/ephemeral-store.ts';
import { readSpending } from './budget-repository.ts';
import type { PlannedReservation } from './plan-reservations.ts';

const READ_TIMEOUT_MS = 1_000;
const STORE_TIMEOUT_MS = 1_000;
// Budgets that no call asked for in this time are not looked after any more.
const IDLE_MS = 10 * 60_000;
const BUDGETS_MAX = 10_000;
const BATCH_MAX = 500;

interface Budget {
  readonly key: string;
  readonly limitId: string;
  readonly start: Date;
  readonly ttlMs: number;
  /** As SQL last said. */
  spent: number;
  usedMs: number;
  reading?: Promise<void>;
}

/** What SQL says was spent, for counters that do not know it, and as their correction. */
export class BudgetLedger {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #budgets = new Map<string, Budget>();

  constructor(options: { database: Database; clock: Clock; log: Log }) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Notes that these budgets are in use. */
  touch(plan: readonly PlannedReservation[]): void {
    for (const planned of plan) {
      if (planned.reservation.kind === 'money') this.#budgetOf(planned);
    }
  }

  /**
   * Spending of the budgets among `keys`. While SQL is away it is what SQL last said, at worst nothing: calls go on,
   * and the counters learn the truth later.
   */
  async spendings(
    plan: readonly PlannedReservation[],
    keys: readonly string[],
  ): Promise<Spending[]> {
    const budgets = plan
      .filter(({ reservation }) => keys.includes(reservation.key))
      .flatMap((planned) => this.#budgetOf(planned) ?? []);
    await Promise.all(budgets.map((budget) => this.#read(budget)));
    return budgets.map(spendingOf);
  }

  /** Reads all budgets in use again and raises the counters of `stores` to what they spent. */
  async correct(stores: readonly EphemeralStore[]): Promise<void> {
    this.#forgetIdle();
    const budgets = [...this.#budgets.values()];
    for (let start = 0; start < budgets.length; start += BATCH_MAX) {
      const batch = budgets.slice(start, start + BATCH_MAX);
      const spent = await readSpending(this.#database, batch, { timeoutMs: READ_TIMEOUT_MS });
      for (const [index, budget] of batch.entries()) budget.spent = spent[index] ?? budget.spent;
      for (const store of stores) await this.#raise(store, batch.map(spendingOf));
    }
  }

  async #raise(store: EphemeralStore, spendings: readonly Spending[]): Promise<void> {
    try {
      await store.raiseSpent(spendings, { timeoutMs: STORE_TIMEOUT_MS });
    } catch (error) {
      this.#log.debug({ error }, 'counters of money could not be corrected');
    }
  }

  /** Once for all calls that wait for the same budget. */
  async #read(budget: Budget): Promise<void> {
    budget.reading ??= readSpending(this.#database, [budget], { timeoutMs: READ_TIMEOUT_MS })
      .then(
        ([spent]) => {
          budget.spent = spent ?? 0;
        },
        (error: unknown) => this.#log.warn({ error }, 'the spending of a budget is not known now'),
      )
      .finally(() => {
        budget.reading = undefined;
      });
    await budget.reading;
  }

  #budgetOf({ limit, reservation, window }: PlannedReservation): Budget | undefined {
    if (reservation.kind !== 'money' || window === undefined) return undefined;
    const usedMs = this.#clock.monotonicMs();
    const known = this.#budgets.get(reservation.key);
    if (known !== undefined) {
      known.usedMs = usedMs;
      return known;
    }
    const { key, ttlMs } = reservation;
    const budget = { key, limitId: limit.id, start: window.start, ttlMs, spent: 0, usedMs };
    if (this.#budgets.size < BUDGETS_MAX) this.#budgets.set(key, budget);
    return budget;
  }

  #forgetIdle(): void {
    const oldestMs = this.#clock.monotonicMs() - IDLE_MS;
    for (const [key, { usedMs }] of this.#budgets) {
      if (usedMs < oldestMs) this.#budgets.delete(key);
    }
  }
}

const spendingOf = ({ key, spent, ttlMs }: Budget): Spending => ({ key, spent, ttlMs });
