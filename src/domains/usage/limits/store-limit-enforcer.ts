import type { Log } from '../../../lib/log.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import {
  type CounterState,
  type EphemeralStore,
  EphemeralStoreUnavailableError,
  type ReserveAnswer,
} from '../../../ports/ephemeral-store.ts';
import type { Admission, AdmissionRequest, LimitEnforcer } from './admission.ts';
import { BudgetLedger } from './budget-ledger.ts';
import { Advances } from './advances.ts';
import { HeldLeases } from './held-leases.ts';
import type { ActualUsage, Holding } from './holding.ts';
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

// Long enough for a store on a busy machine: to count alone is the worse mistake. One that stands still is found by the first
// few calls; all others are told at once.
const RESERVE_TIMEOUT_MS = 200;
// An instance that dies frees its slots after this time; a running call renews three times within it.
const LEASE_MS = 24_000;
const RENEW_MS = 8_000;
const CORRECT_MS = 4_000;
const SWEEP_MS = 250;
const CLOSE_TIMEOUT_MS = 2_000;

const NO_COUNTER: CounterState = { remaining: 0, resetMs: 0, mark: 0 };
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
  readonly advances: Advances;
}

/** One of the two. */
type Reserved =
  | { readonly holdings: Holding[] }
  | { readonly holdings?: undefined; readonly refusal: Refusal };

type Refusal = Extract<ReserveAnswer, { outcome: 'refused' }>;
type KnownAnswer = Exclude<ReserveAnswer, { outcome: 'spending_unknown' }>;

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
      this.#repeat(SWEEP_MS, async () => {
        for (const { advances } of countings) advances.sweep();
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
    const held = await this.#hold(clock.newId('adm_'), plan, model);
    const admission = admissionOf(plan, held);
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
    for (const { advances } of [this.#shared, this.#local]) advances.close();
    const settled = Promise.all([this.#shared, this.#local].map((one) => one.settlements.flush()));
    const waiting = new AbortController();
    const timeout = this.#options.clock.sleep(CLOSE_TIMEOUT_MS, waiting.signal);
    await Promise.race([settled, timeout.catch(() => undefined)]);
    waiting.abort();
  }

  /** A holding for each planned reservation: those that were reserved ahead, the rest from the store. */
  async #hold(id: string, plan: readonly PlannedReservation[], model: string): Promise<Holding[]> {
    const ahead = plan.map((planned) => this.#shared.advances.take(id, planned));
    const missing = plan.filter((_, index) => ahead[index] === undefined);
    if (missing.length === 0) return ahead.filter((holding) => holding !== undefined);
    const reserved = await this.#reserve(id, missing);
    if (reserved.holdings === undefined) {
      for (const holding of ahead) holding?.undo();
      throw limitRefusal(missing, reserved.refusal, model);
    }
    const rest = reserved.holdings.values();
    return ahead.map((holding) => holding ?? rest.next().value).filter((one) => one !== undefined);
  }

  /** First with what the next calls will need, then for this one alone; here alone when the shared store is away. */
  async #reserve(id: string, plan: readonly PlannedReservation[]): Promise<Reserved> {
    const { advances, settlements } = this.#shared;
    const enlarged = plan.map((planned) => advances.enlarged(planned));
    settlements.send();
    try {
      const first = await this.#reserveIn(this.#shared.store, { id, plan: enlarged });
      this.#noteBack();
      if (first.outcome === 'reserved') {
        const divide = (planned: PlannedReservation, index: number) =>
          advances.divide(id, {
            planned,
            enlarged: enlarged[index] ?? planned,
            counter: first.counters[index] ?? NO_COUNTER,
          });
        return { holdings: plan.map(divide) };
      }
      if (plan.every((planned, index) => planned === enlarged[index])) return { refusal: first };
      const exact = await this.#reserveIn(this.#shared.store, { id, plan });
      return this.#reserved(this.#shared, { id, plan, answer: exact });
    } catch (error) {
      this.#noteAway(error);
      // It may have been taken after all, behind the time that we waited for it.
      const taken = settlementsOf(id, plan, [], undefined).filter(({ kind }) => kind === 'slot');
      settlements.push(taken);
      const answer = await this.#reserveIn(this.#local.store, { id, plan });
      return this.#reserved(this.#local, { id, plan, answer });
    } finally {
      for (const [index, planned] of plan.entries()) {
        if (enlarged[index] !== planned) advances.endRefill(planned);
      }
    }
  }

  #reserved(
    { advances }: Counting,
    taken: { id: string; plan: readonly PlannedReservation[]; answer: KnownAnswer },
  ): Reserved {
    const { id, plan, answer } = taken;
    if (answer.outcome === 'refused') return { refusal: answer };
    const single = (planned: PlannedReservation, index: number) =>
      advances.single(id, planned, answer.counters[index] ?? NO_COUNTER);
    return { holdings: plan.map(single) };
  }

  async #reserveIn(
    store: EphemeralStore,
    { id, plan }: { id: string; plan: readonly PlannedReservation[] },
  ): Promise<KnownAnswer> {
    const reservations = plan.map(({ reservation }) => reservation);
    const request = { id, leaseMs: LEASE_MS, reservations };
    const options = { timeoutMs: RESERVE_TIMEOUT_MS };
    const answer = await store.reserve(request, options);
    if (answer.outcome !== 'spending_unknown') return answer;
    await store.raiseSpent(await this.#ledger.spendings(plan, answer.keys), options);
    const second = await store.reserve(request, options);
    if (second.outcome !== 'spending_unknown') return second;
    throw new EphemeralStoreUnavailableError('the store forgot a counter at once');
  }

  #countingIn(store: EphemeralStore): Counting {
    const { clock } = this.#options;
    const settlements = new SettlementQueue(store, { clock, log: this.#log });
    const leases = new HeldLeases(store, { leaseMs: LEASE_MS, log: this.#log });
    const advances = new Advances({
      settle: (settled) => settlements.push(settled),
      release: (lease) => leases.release(lease),
      hold: (id, planned, counter) => {
        for (const lease of leasesOf(id, [planned], [counter])) leases.hold(lease);
      },
      monotonicMs: () => clock.monotonicMs(),
    });
    return { store, settlements, leases, advances };
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

function admissionOf(plan: readonly PlannedReservation[], held: readonly Holding[]): Admission {
  let open = true;
  const end = (actual?: ActualUsage) => {
    if (!open) return;
    open = false;
    for (const holding of held) holding.end(actual);
  };
  const counters = held.map(({ counter }) => counter);
  return { headers: limitHeaders(plan, counters), settle: end, release: () => end() };
}
