import type { Clock } from '../../src/ports/clock.ts';
import type { Deployment, Model } from '../../src/domains/models/index.ts';

/** A deployment with what routing looks at; the rest does not matter. */
export function deploymentNamed(name: string, given: Partial<Deployment> = {}): Deployment {
  return {
    id: name,
    name,
    provider: 'openai-compatible',
    credentialId: `credential-${name}`,
    upstreamModel: 'm',
    serves: new Set(['chat.completions']),
    weight: 1,
    tier: 0,
    ...given,
  };
}

export function modelNamed(
  name: string,
  deployments: readonly Deployment[],
  given: Partial<Model> = {},
): Model {
  const routing = { strategy: 'ordered', affinity: false, fallbacks: [] } as const;
  return { name, created: 0, ownedBy: 'tests', label: name, deployments, ...routing, ...given };
}

export interface SteppedClock extends Clock {
  /** Moves time; nothing else does, except sleeping. */
  advance(durationMs: number): void;
  /** Every pause that was asked for. */
  readonly slept: number[];
}

/** Time that stands still unless it is moved. */
export function steppedClock(): SteppedClock {
  let nowMs = 1_000_000;
  let ids = 0;
  const slept: number[] = [];
  return {
    slept,
    advance: (durationMs) => {
      nowMs += durationMs;
    },
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (delayMs, signal) => {
      signal?.throwIfAborted();
      slept.push(delayMs);
      nowMs += delayMs;
    },
    newId: (prefix) => {
      ids += 1;
      return `${prefix}${ids}`;
    },
  };
}

/** The same numbers in the same order for one seed, evenly spread over [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
