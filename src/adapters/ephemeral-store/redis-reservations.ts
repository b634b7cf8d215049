import type {
  CounterState,
  EphemeralOptions,
  HeldLease,
  Reservation,
  ReserveAnswer,
  ReserveRequest,
  Settlement,
  Spending,
} from '../../ports/ephemeral-store.ts';
import {
  assertEphemeralKey,
  assertReserveRequest,
  assertSettlements,
  assertSpendings,
  wholeTtlMs,
} from './limits.ts';
import { rateWindow } from './rate-window.ts';
import {
  RAISE_SCRIPT,
  RENEW_SCRIPT,
  RESERVE_SCRIPT,
  SETTLE_SCRIPT,
} from './redis-reservation-scripts.ts';
import { RedisScript, type SendCommand } from './redis-script.ts';

const PREFIX = { rate: 'llamp:r:', slot: 'llamp:s:', money: 'llamp:m:' } as const;
const MONEY_LEASES = 'llamp:ml:';

/** Reservations as scripts, so that each call is one round trip and nothing comes between its parts. */
export class RedisReservations {
  readonly #send: SendCommand;
  readonly #reserve = new RedisScript(RESERVE_SCRIPT);
  readonly #settle = new RedisScript(SETTLE_SCRIPT);
  readonly #renew = new RedisScript(RENEW_SCRIPT);
  readonly #raise = new RedisScript(RAISE_SCRIPT);

  constructor(send: SendCommand) {
    this.#send = send;
  }

  async reserve(request: ReserveRequest, options: EphemeralOptions): Promise<ReserveAnswer> {
    assertReserveRequest(request);
    const { id, leaseMs, reservations } = request;
    const head = [id, `${wholeTtlMs(leaseMs)}`, `${reservations.length}`];
    const input = {
      keys: reservations.flatMap(keysOf),
      argv: [...head, ...reservations.flatMap(reservationArguments)],
    };
    const reply = await this.#reserve.run<number[]>(this.#send, input, options);
    return answerOf(reply, reservations);
  }

  async settle(settlements: readonly Settlement[], options: EphemeralOptions): Promise<void> {
    assertSettlements(settlements);
    if (settlements.length === 0) return;
    const input = {
      keys: settlements.flatMap(keysOf),
      argv: [`${settlements.length}`, ...settlements.flatMap(settlementArguments)],
    };
    await this.#settle.run(this.#send, input, options);
  }

  async renew(
    leases: readonly HeldLease[],
    options: EphemeralOptions & { leaseMs: number },
  ): Promise<void> {
    for (const lease of leases) assertEphemeralKey(lease.key);
    if (leases.length === 0) return;
    const head = [`${wholeTtlMs(options.leaseMs)}`, `${leases.length}`];
    const each = leases.flatMap(({ kind, id, mark }) => [kind, id, `${mark}`]);
    const input = { keys: leases.flatMap(keysOf), argv: [...head, ...each] };
    await this.#renew.run(this.#send, input, options);
  }

  async raiseSpent(spendings: readonly Spending[], options: EphemeralOptions): Promise<void> {
    assertSpendings(spendings);
    if (spendings.length === 0) return;
    const each = spendings.flatMap(({ spent, ttlMs }) => [`${spent}`, `${wholeTtlMs(ttlMs)}`]);
    const input = {
      keys: spendings.flatMap(({ key }) => keysOf({ kind: 'money', key })),
      argv: [`${spendings.length}`, ...each],
    };
    await this.#raise.run(this.#send, input, options);
  }
}

function keysOf({ kind, key }: Pick<Reservation, 'kind' | 'key'>): string[] {
  return kind === 'money' ? [PREFIX.money + key, MONEY_LEASES + key] : [PREFIX[kind] + key];
}

function reservationArguments(reservation: Reservation): string[] {
  const { kind, limit } = reservation;
  if (kind === 'slot') return [kind, `${limit}`, '1', '0', '0'];
  const { amount } = reservation;
  if (kind === 'money')
    return [kind, `${limit}`, `${amount}`, `${wholeTtlMs(reservation.ttlMs)}`, '0'];
  const { partMs, parts } = rateWindow(reservation.windowMs);
  return [kind, `${limit}`, `${amount}`, `${partMs}`, `${parts}`];
}

function settlementArguments(settlement: Settlement): string[] {
  const { kind } = settlement;
  if (kind === 'slot') return [kind, settlement.id, '0', '0', '0', '0'];
  const mark = `${settlement.mark}`;
  if (kind === 'money') return [kind, settlement.id, mark, `${settlement.spent}`, '0', '0'];
  const { partMs, parts } = rateWindow(settlement.windowMs);
  return [kind, '', mark, `${settlement.change}`, `${partMs}`, `${parts}`];
}

function answerOf(reply: readonly number[], reservations: readonly Reservation[]): ReserveAnswer {
  const [outcome, first = 0, second = 0] = reply;
  if (outcome === 0) return { outcome: 'reserved', counters: countersOf(reply.slice(1)) };
  if (outcome === 1) {
    const retryAfterMs = second < 0 ? null : second;
    const counters = countersOf(reply.slice(3));
    return { outcome: 'refused', refused: first - 1, retryAfterMs, counters };
  }
  const keys = reply.slice(1).map((index) => reservations[index - 1]?.key ?? '');
  return { outcome: 'spending_unknown', keys };
}

function countersOf(numbers: readonly number[]): CounterState[] {
  const counters: CounterState[] = [];
  for (let at = 0; at + 2 < numbers.length; at += 3) {
    const [remaining = 0, resetMs = 0, mark = 0] = numbers.slice(at, at + 3);
    counters.push({ remaining, resetMs, mark });
  }
  return counters;
}
