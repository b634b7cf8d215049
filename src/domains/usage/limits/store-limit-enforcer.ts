import type { Log } from '../../../lib/log.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import {
  type CounterState,
  type EphemeralStore,
  EphemeralStoreUnavailableError,
  type ReserveAnswer,
  type ReserveRequest,
} from '../../../ports/ephemeral-store.ts';
import type { Admission, AdmissionRequest, LimitEnforcer } from './admission.ts';
import { BudgetLedger } from './budget-ledger.ts';
import { HeldLeases } from './held-leases.ts';
import { limitHeaders } from './limit-headers.ts';
import type { LimitedPrincipal, LimitIndex } from './limit-index.ts';
import { limitRefusal } from './limit-refusal.ts';
import {
  leasesOf,
  type PlannedReservation,
  planReservations,
  settlementsOf,
} from './plan-reservations.ts';
import { SettlementQueue } from './settlement-queue.ts';

const RESERVE_TIMEOUT_MS = 50;
// An instance that dies frees its slots after this time; a running call renews three times within it.
const LEASE_MS = 24_000;
const RENEW_MS = 8_000;
const CORRECT_MS = 4_000;
const CLOSE_TIMEOUT_MS = 2_000;

const UNLIMITED: Admission = { settle: () => undefined, release: () => undefined, headers: {} };

export interface StoreLimitEnforcerOptions {
  /** The limits in force; asked for each call. */
  readonly limits: () => LimitIndex;
  /** Shared by all instances. */
  readonly shared: EphemeralStore;
  /** Of this process alone; it counts while the shared one is away. */
  readonly local: EphemeralStore;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}

/** A store and what this process owes it. */
interface Counting {
  readonly store: EphemeralStore;
  readonly settlements: SettlementQueue;
  readonly leases: HeldLeases;
}

interface Reserved {
  readonly counting: Counting;
  readonly answer: Exclude<ReserveAnswer, { outcome: 'spending_unknown' }>;
}

/**
 * Limits over shared counters: one round trip to reserve everything that a call needs, one behind it to settle. While
 * the shared store is away each instance holds the limits by itself, in full: a limit is not divided by a number of
 * instances that nobody knows.
 */
export class StoreLimitEnforcer implements LimitEnforcer {
  readonly #options: StoreLimitEnforcerOptions;
  readonly #log: Log;
  readonly #ledger: BudgetLedger;
  readonly #shared: Counting;
  readonly #local: Counting;
  readonly #stop = new AbortController();
  readonly #loops: Promise<unknown>;
  #isAway = false;

  constructor(options: StoreLimitEnforcerOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'limits' });
    this.#ledger = new BudgetLedger({ ...options, log: this.#log });
    this.#shared = this.#countingIn(options.shared);
    this.#local = this.#countingIn(options.local);
    const countings = [this.#shared, this.#local];
    this.#loops = Promise.all([
      this.#repeat(RENEW_MS, async () => {
        await Promise.all(countings.map(({ leases }) => leases.renew()));
      }),
      this.#repeat(CORRECT_MS, () => this.#ledger.correct(countings.map(({ store }) => store))),
    ]);
  }

  applies(principal: LimitedPrincipal, model: string): boolean {
    return this.#options.limits().find(principal, model).length > 0;
  }

  async admit(request: AdmissionRequest): Promise<Admission> {
    const { principal, model, signal } = request;
    signal.throwIfAborted();
    const { limits, clock } = this.#options;
    const plan = planReservations(limits().find(principal, model), request, clock.now());
    if (plan.length === 0) return UNLIMITED;
    this.#ledger.touch(plan);
    const id = clock.newId('adm_');
    const { counting, answer } = await this.#reserve(id, plan);
    if (answer.outcome === 'refused') throw limitRefusal(plan, answer, model);
    const admission = this.#admission(counting, { id, plan, counters: answer.counters });
    // Not aborted within: a reservation that nobody waits for would stay.
    if (signal.aborted) {
      admission.release();
      throw signal.reason;
    }
    return admission;
  }

  /** Settles what is over. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loops;
    const settled = Promise.all([this.#shared, this.#local].map((one) => one.settlements.flush()));
    const waiting = new AbortController();
    const timeout = this.#options.clock.sleep(CLOSE_TIMEOUT_MS, waiting.signal);
    await Promise.race([settled, timeout.catch(() => undefined)]);
    waiting.abort();
  }

  async #reserve(id: string, plan: readonly PlannedReservation[]): Promise<Reserved> {
    const reservations = plan.map(({ reservation }) => reservation);
    const request = { id, leaseMs: LEASE_MS, reservations };
    this.#shared.settlements.send();
    try {
      const answer = await this.#reserveIn(this.#shared.store, request, plan);
      this.#noteBack();
      return { counting: this.#shared, answer };
    } catch (error) {
      this.#noteAway(error);
      // It may have been taken after all, behind the time that we waited for it.
      const taken = settlementsOf(id, plan, [], undefined).filter(({ kind }) => kind === 'slot');
      this.#shared.settlements.push(taken);
      const answer = await this.#reserveIn(this.#local.store, request, plan);
      return { counting: this.#local, answer };
    }
  }

  async #reserveIn(
    store: EphemeralStore,
    request: ReserveRequest,
    plan: readonly PlannedReservation[],
  ): Promise<Reserved['answer']> {
    const options = { timeoutMs: RESERVE_TIMEOUT_MS };
    const answer = await store.reserve(request, options);
    if (answer.outcome !== 'spending_unknown') return answer;
    await store.raiseSpent(await this.#ledger.spendings(plan, answer.keys), options);
    const second = await store.reserve(request, options);
    if (second.outcome !== 'spending_unknown') return second;
    throw new EphemeralStoreUnavailableError('the store forgot a counter at once');
  }

  #admission(
    { settlements, leases }: Counting,
    taken: { id: string; plan: readonly PlannedReservation[]; counters: readonly CounterState[] },
  ): Admission {
    const { id, plan, counters } = taken;
    leases.hold(id, leasesOf(id, plan, counters));
    let open = true;
    const end = (actual?: { tokens: number; costMicros: number }) => {
      if (!open) return;
      open = false;
      leases.release(id);
      settlements.push(settlementsOf(id, plan, counters, actual));
    };
    return { headers: limitHeaders(plan, counters), settle: end, release: () => end() };
  }

  #countingIn(store: EphemeralStore): Counting {
    return {
      store,
      settlements: new SettlementQueue(store, { clock: this.#options.clock, log: this.#log }),
      leases: new HeldLeases(store, { leaseMs: LEASE_MS, log: this.#log }),
    };
  }

  async #repeat(pauseMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      await this.#options.clock.sleep(pauseMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await work();
      } catch (error) {
        this.#log.debug({ error }, 'upkeep of limits failed; it is tried again');
      }
    }
  }

  // One line when it begins and one when it ends. Whatever it is, a call is not lost over its limits.
  #noteAway(error: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#log.warn({ error }, 'shared limits cannot be asked; this instance holds them alone');
  }

  #noteBack(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#log.info({}, 'shared limits are held again');
  }
}
