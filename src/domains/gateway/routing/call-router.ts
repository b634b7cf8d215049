import type { Clock } from '../../../ports/clock.ts';
import type { Deployment, Model, ModelCatalogue } from '../../models/index.ts';
import { Attempt } from './attempt.ts';
import type { DeploymentHealth, HealthStatus } from './deployment-health.ts';
import { type DeploymentLoad, DeploymentLoads } from './deployment-load.ts';
import { Route, type RoutedRequest } from './route.ts';
import type { RoutingView } from './strategies.ts';

/** What calls cost at one deployment, in any one unit; undefined when nobody knows. */
export type DeploymentCost = (deployment: Deployment, model: Model) => number | undefined;

export interface CallRouterServices {
  readonly catalogue: Pick<ModelCatalogue, 'find' | 'list'>;
  readonly health: DeploymentHealth;
  readonly clock: Clock;
  readonly random: () => number;
  readonly cost?: DeploymentCost;
}

/** What one deployment does and how it is, as this instance sees it. */
export interface DeploymentState extends HealthStatus {
  readonly deployment: Deployment;
  readonly openCalls: number;
  readonly firstTokenMs: number | undefined;
  readonly answerMs: number | undefined;
}

const DEPLOYMENTS_LISTED_MAX = 1_000;

/** Chooses deployments for calls and learns from what becomes of them. */
export class CallRouter {
  readonly #services: CallRouterServices;
  readonly #loads = new DeploymentLoads();

  constructor(services: CallRouterServices) {
    this.#services = services;
  }

  /** The way of one call; throws the 400 when no deployment of the model serves its endpoint. */
  route(model: Model, request: RoutedRequest, streamed: boolean): Route {
    const { health, catalogue } = this.#services;
    return new Route(
      {
        health,
        findModel: (name) => catalogue.find(name),
        view: (chosen) => this.#view(chosen, streamed),
      },
      model,
      request,
    );
  }

  /** Call it when an attempt begins, in the same turn as its deployment was chosen. */
  begin(deployment: Deployment): Attempt {
    return new Attempt(this.#services, deployment, this.#loads.of(deployment.id));
  }

  /** Every deployment of the catalogue once. */
  deployments(): DeploymentState[] {
    const byId = new Map<string, Deployment>();
    for (const { deployments } of this.#services.catalogue.list()) {
      for (const deployment of deployments) byId.set(deployment.id, deployment);
    }
    return [...byId.values()]
      .slice(0, DEPLOYMENTS_LISTED_MAX)
      .map((deployment) => this.#stateOf(deployment));
  }

  #stateOf(deployment: Deployment): DeploymentState {
    const load = this.#loads.find(deployment.id);
    return {
      deployment,
      ...this.#services.health.status(deployment),
      openCalls: load?.open ?? 0,
      firstTokenMs: load?.firstToken.valueMs(),
      answerMs: load?.answer.valueMs(),
    };
  }

  #view(model: Model, streamed: boolean): RoutingView {
    const { random, clock, cost } = this.#services;
    const find = ({ id }: Deployment) => this.#loads.find(id);
    return {
      random,
      openCalls: (deployment) => find(deployment)?.open ?? 0,
      latencyMs: (deployment) => expectedMs(find(deployment), streamed, clock.monotonicMs()),
      cost: (deployment) => cost?.(deployment, model),
    };
  }
}

function expectedMs(load: DeploymentLoad | undefined, streamed: boolean, nowMs: number): number {
  if (load === undefined) return 0;
  const average = streamed ? load.firstToken : load.answer;
  // One call finds out what is unknown; the others do not wait there for it.
  if (average.valueMs() === undefined && load.open > 0) return Number.POSITIVE_INFINITY;
  return average.expectedMs(nowMs);
}
