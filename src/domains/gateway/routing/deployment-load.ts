import { LRUCache } from 'lru-cache';

const TRACKED_MAX = 1_000;
/** A measurement counts less the more of newer time there is. */
const MEMORY_MS = 10_000;
/** What a single measurement weighs at least, so that a burst does not keep the first one for ever. */
const NEWEST_SHARE_MIN = 0.1;
/** What was slow and is not asked any more looks faster with time, until it is asked again. */
const FORGIVENESS_MS = 30_000;

/** An average of durations in which newer ones weigh more. */
export class DecayedAverage {
  #valueMs: number | undefined;
  #atMs = 0;

  observe(durationMs: number, nowMs: number): void {
    if (this.#valueMs === undefined) this.#valueMs = durationMs;
    else {
      const share = Math.max(NEWEST_SHARE_MIN, 1 - Math.exp((this.#atMs - nowMs) / MEMORY_MS));
      this.#valueMs += share * (durationMs - this.#valueMs);
    }
    this.#atMs = nowMs;
  }

  /** Undefined before the first measurement. */
  valueMs(): number | undefined {
    return this.#valueMs;
  }

  /** For choosing: 0 before the first measurement, because somebody has to take it. */
  expectedMs(nowMs: number): number {
    return (this.#valueMs ?? 0) * Math.exp((this.#atMs - nowMs) / FORGIVENESS_MS);
  }
}

/** What one deployment does for this instance now, and how quickly. */
export class DeploymentLoad {
  open = 0;
  /** To the first event of a stream. */
  readonly firstToken = new DecayedAverage();
  /** To the end of an answer that is no stream. */
  readonly answer = new DecayedAverage();
}

/** Loads by the id of the deployment. */
export class DeploymentLoads {
  readonly #loads = new LRUCache<string, DeploymentLoad>({ max: TRACKED_MAX });

  find(id: string): DeploymentLoad | undefined {
    return this.#loads.get(id);
  }

  of(id: string): DeploymentLoad {
    const known = this.#loads.get(id);
    if (known !== undefined) return known;
    const load = new DeploymentLoad();
    this.#loads.set(id, load);
    return load;
  }
}
