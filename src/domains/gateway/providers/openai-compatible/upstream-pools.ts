import type { OutboundGuard } from '../../../../lib/outbound-guard/index.ts';
import type { UpstreamTimeouts } from '../../provider.ts';
import { UpstreamPool } from './upstream-pool.ts';

/** One pool for each origin of the configuration, so their number is small; never closed before their owner. */
export class UpstreamPools {
  readonly #timeouts: UpstreamTimeouts;
  readonly #guard: OutboundGuard;
  readonly #pools = new Map<string, UpstreamPool>();

  constructor(timeouts: UpstreamTimeouts, guard: OutboundGuard) {
    this.#timeouts = timeouts;
    this.#guard = guard;
  }

  /** Throws an `OutboundRefusedError` for an origin that a user set and may not reach. */
  of(origin: string, isUserSet: boolean): UpstreamPool {
    // Connections of the operator's own endpoints are not checked, and so not shared with those that are.
    const key = isUserSet ? `user ${origin}` : origin;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const connect = isUserSet ? this.#guard.connectOptions(new URL(origin)) : undefined;
    const pool = new UpstreamPool(origin, this.#timeouts, connect);
    this.#pools.set(key, pool);
    return pool;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }
}
