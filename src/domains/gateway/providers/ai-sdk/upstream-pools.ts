import type { UpstreamTimeouts } from '../../provider.ts';
import { UpstreamPool } from '../openai-compatible/upstream-pool.ts';

/** One pool for each origin of the configuration, so their number is small. */
export class UpstreamPools {
  readonly #timeouts: UpstreamTimeouts;
  readonly #pools = new Map<string, UpstreamPool>();

  constructor(timeouts: UpstreamTimeouts) {
    this.#timeouts = timeouts;
  }

  of(origin: string): UpstreamPool {
    const known = this.#pools.get(origin);
    if (known !== undefined) return known;
    const pool = new UpstreamPool(origin, this.#timeouts);
    this.#pools.set(origin, pool);
    return pool;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }
}
