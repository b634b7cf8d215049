import { LRUCache } from 'lru-cache';

export type OutageReason = 'credential_refused' | 'rate_limited' | 'failing';
/** `probe`: time is up, and one call may find out. */
export type Verdict = 'healthy' | 'probe' | 'out';

/** Time that one deployment or one credential spends out of rotation. */
export interface Outage {
  reason: OutageReason;
  untilMs: number;
  /** It ends by a call that succeeds, not by time alone. */
  needsProbe: boolean;
  /** Calls under way that may end it. */
  probes: number;
}

export interface OutageStart {
  readonly reason: OutageReason;
  readonly forMs: number;
  readonly needsProbe: boolean;
}

const OUTAGES_MAX = 1_000;

/** Who is out, by id; whoever is not in it is healthy. Times are monotonic. */
export class Outages {
  readonly #outages = new LRUCache<string, Outage>({ max: OUTAGES_MAX });
  readonly #onExpired: (id: string) => void;

  /** `onExpired` hears of an outage that ended by time, when somebody asks for it. */
  constructor(onExpired: (id: string) => void) {
    this.#onExpired = onExpired;
  }

  get isEmpty(): boolean {
    return this.#outages.size === 0;
  }

  find(id: string): Outage | undefined {
    return this.#outages.get(id);
  }

  verdict(id: string, nowMs: number): Verdict {
    const outage = this.#outages.get(id);
    if (outage === undefined) return 'healthy';
    if (outage.untilMs > nowMs) return 'out';
    if (outage.needsProbe) return outage.probes > 0 ? 'out' : 'probe';
    this.#outages.delete(id);
    this.#onExpired(id);
    return 'healthy';
  }

  /** How long it is still out; 0 when time is up or it never was. */
  remainingMs(id: string, nowMs: number): number {
    const outage = this.#outages.get(id);
    return outage === undefined ? 0 : Math.max(0, outage.untilMs - nowMs);
  }

  /** Begins an outage or goes on with one: a time that was promised is never cut short. */
  start(id: string, { reason, forMs, needsProbe }: OutageStart, nowMs: number): void {
    const known = this.#outages.get(id);
    if (known === undefined) {
      this.#outages.set(id, { reason, untilMs: nowMs + forMs, needsProbe, probes: 0 });
      return;
    }
    known.reason = reason;
    known.untilMs = Math.max(known.untilMs, nowMs + forMs);
    known.needsProbe ||= needsProbe;
  }

  /** False when it was not out. */
  end(id: string): boolean {
    return this.#outages.delete(id);
  }
}
