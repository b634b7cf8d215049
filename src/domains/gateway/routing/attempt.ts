import type { Clock } from '../../../ports/clock.ts';
import type { Deployment } from '../../models/index.ts';
import type { UpstreamOutcome } from '../upstream-failure.ts';
import type { DeploymentHealth } from './deployment-health.ts';
import type { DeploymentLoad } from './deployment-load.ts';
import type { Outage } from './outages.ts';

export interface AttemptServices {
  readonly health: DeploymentHealth;
  readonly clock: Clock;
}

/** One attempt, as far as health and load of its deployment are concerned. */
export class Attempt {
  readonly #services: AttemptServices;
  readonly #deployment: Deployment;
  readonly #load: DeploymentLoad;
  /** Outages that this attempt probes. */
  #probed: readonly Outage[] | undefined;

  constructor(services: AttemptServices, deployment: Deployment, load: DeploymentLoad) {
    this.#services = services;
    this.#deployment = deployment;
    this.#load = load;
    this.#probed = services.health.begin(deployment);
    load.open += 1;
  }

  /** The first event of a stream is here. */
  firstToken(durationMs: number): void {
    this.#load.firstToken.observe(durationMs, this.#services.clock.monotonicMs());
    this.#answered();
  }

  /** A whole answer is here. */
  answer(durationMs: number): void {
    this.#load.answer.observe(durationMs, this.#services.clock.monotonicMs());
    this.#answered();
  }

  /** Call it once; `error` is what a failed attempt rejected with. */
  ended(outcome: UpstreamOutcome, error: unknown): void {
    this.#load.open -= 1;
    const { health } = this.#services;
    health.release(this.#probed);
    health.ended(this.#deployment, outcome, error, this.#probed);
    this.#probed = undefined;
  }

  #answered(): void {
    const { health } = this.#services;
    health.release(this.#probed);
    health.answered(this.#deployment, this.#probed);
    this.#probed = undefined;
  }
}
