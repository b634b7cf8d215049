import type { Deployment, RoutingStrategy } from '../../models/index.ts';

/** What a strategy may look at beside the deployments themselves. */
export interface RoutingView {
  readonly random: () => number;
  openCalls(deployment: Deployment): number;
  /** Expected time to the first token, or to the answer of a call that is no stream. */
  latencyMs(deployment: Deployment): number;
  /** Price in any one unit; undefined when unknown. */
  cost(deployment: Deployment): number | undefined;
}

/** One of `pool`: the deployments of one tier, in the order of configuration and not empty. */
export function chooseByStrategy(
  strategy: RoutingStrategy,
  pool: readonly Deployment[],
  view: RoutingView,
): Deployment | undefined {
  if (strategy === 'ordered' || pool.length < 2) return pool[0];
  const shares = withShare(pool);
  switch (strategy) {
    case 'weighted':
      return byWeight(shares, view.random);
    case 'least-busy':
      // A share of two may hold two calls where a share of one holds one.
      return smallest(shares, view, (each) => (view.openCalls(each) + 1) / each.weight);
    case 'lowest-latency':
      return fasterOfTwo(shares, view);
    case 'lowest-cost':
      return smallest(shares, view, (each) => view.cost(each) ?? Number.POSITIVE_INFINITY);
  }
}

/** Weight 0 means no traffic while any other is there. */
function withShare(pool: readonly Deployment[]): readonly Deployment[] {
  if (pool.every(({ weight }) => weight > 0)) return pool;
  const shares = pool.filter(({ weight }) => weight > 0);
  return shares.length > 0 ? shares : pool;
}

function byWeight(pool: readonly Deployment[], random: () => number): Deployment | undefined {
  let total = 0;
  for (const { weight } of pool) total += weight;
  if (total === 0) return pool[Math.floor(random() * pool.length)];
  let left = random() * total;
  for (const deployment of pool) {
    left -= deployment.weight;
    if (left < 0) return deployment;
  }
  return pool.at(-1);
}

/** Equals share by weight: whoever stands first must not get everything. */
function smallest(
  pool: readonly Deployment[],
  view: RoutingView,
  measure: (deployment: Deployment) => number,
): Deployment | undefined {
  let best: Deployment[] = [];
  let bestValue = Number.POSITIVE_INFINITY;
  for (const deployment of pool) {
    const value = measure(deployment);
    if (best.length > 0 && value > bestValue) continue;
    if (value < bestValue) best = [];
    bestValue = value;
    best.push(deployment);
  }
  return best.length === 1 ? best[0] : byWeight(best, view.random);
}

/** Power of two choices: always the fastest of all would make all instances run to it at once. */
function fasterOfTwo(pool: readonly Deployment[], view: RoutingView): Deployment | undefined {
  const first = Math.floor(view.random() * pool.length);
  const step = 1 + Math.floor(view.random() * (pool.length - 1));
  const left = pool[first];
  const right = pool[(first + step) % pool.length];
  if (left === undefined || right === undefined) return left ?? right;
  return view.latencyMs(right) < view.latencyMs(left) ? right : left;
}
