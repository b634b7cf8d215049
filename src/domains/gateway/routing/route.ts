import type { Deployment, Endpoint, Model } from '../../models/index.ts';
import { gatewayError } from '../errors.ts';
import type { JsonObject } from '../field-checks.ts';
import { answersEndpoint } from './answers-endpoint.ts';
import { conversationSeed, deploymentOfConversation } from './affinity.ts';
import type { DeploymentHealth } from './deployment-health.ts';
import { helpsAgain, helpsElsewhere } from './failure-class.ts';
import { chooseByStrategy, type RoutingView } from './strategies.ts';

/** Where one attempt goes. */
export interface Candidate {
  readonly model: Model;
  readonly deployment: Deployment;
}

/** What routing needs to know about a call. */
export interface RoutedRequest {
  readonly projectId: string;
  /** The only models that may answer it; undefined: every one. */
  readonly models?: ReadonlySet<string>;
  readonly endpoint: Endpoint;
  readonly json: JsonObject;
}

export interface RouteServices {
  readonly health: DeploymentHealth;
  readonly findModel: (name: string) => Model | undefined;
  readonly view: (model: Model) => RoutingView;
}

/** A call that nobody answered is tried twice, even if only one deployment is there. */
const ATTEMPTS_MIN = 2;
const ATTEMPTS_MAX = 10;
const MODELS_MAX = 8;

/**
 * The way of one call through deployments, found step by step: the healthy ones of its model by tier and strategy, a
 * lone one twice, then those of its fallbacks. When nobody is healthy, the one that is least bad is asked all the same.
 */
export class Route {
  readonly #services: RouteServices;
  readonly #request: RoutedRequest;
  /** The model that was asked for and its fallbacks as far as they were needed. */
  readonly #models: Model[];
  readonly #tried: Candidate[] = [];
  #position = 0;
  #seed: number | undefined;

  constructor(services: RouteServices, model: Model, request: RoutedRequest) {
    this.#services = services;
    this.#request = request;
    this.#models = [model];
    if (!model.deployments.some((deployment) => answersEndpoint(deployment, request.endpoint)))
      throw unsupportedEndpoint(model, request.endpoint);
  }

  /** Attempts that were asked for. */
  get attempts(): number {
    return this.#tried.length;
  }

  /** Where the first attempt goes. */
  first(): Candidate {
    const candidate = this.#healthy() ?? this.#leastBad();
    if (candidate === undefined) throw new Error('a model without deployments');
    return this.#taken(candidate);
  }

  /** Where the next attempt goes after the last one ended with `error`; undefined when the error is the answer. */
  after(error: unknown): Candidate | undefined {
    const last = this.#tried.at(-1);
    if (last === undefined || this.#tried.length >= ATTEMPTS_MAX || !helpsElsewhere(error))
      return undefined;
    const next = this.#sibling() ?? this.#again(last, error) ?? this.#healthy();
    const chosen = next ?? this.#lastResort(last, error);
    return chosen && this.#taken(chosen);
  }

  #taken(candidate: Candidate): Candidate {
    this.#tried.push(candidate);
    return candidate;
  }

  /** A healthy deployment of the current model. */
  #sibling(): Candidate | undefined {
    const model = this.#models[this.#position];
    const deployment = model && this.#pick(model);
    return model && deployment && { model, deployment };
  }

  /** A lone deployment that may only have stumbled: another model is a bigger change than a second try. */
  #again(last: Candidate, error: unknown): Candidate | undefined {
    if (!helpsAgain(error) || this.#services.health.verdict(last.deployment) === 'out')
      return undefined;
    const tries = this.#tried.filter(({ model }) => model === last.model).length;
    return tries < ATTEMPTS_MIN ? last : undefined;
  }

  /** A healthy deployment of the current model or of the next one that has any. */
  #healthy(): Candidate | undefined {
    for (; this.#position < this.#models.length; this.#position += 1) {
      const candidate = this.#sibling();
      if (candidate !== undefined) return candidate;
      this.#addFallbacks();
    }
    return undefined;
  }

  #addFallbacks(): void {
    for (const name of this.#models[this.#position]?.fallbacks ?? []) {
      if (this.#request.models?.has(name) === false) continue;
      const model = this.#services.findModel(name);
      if (model === undefined || this.#models.length >= MODELS_MAX) continue;
      // Fallbacks may lead back to where they came from.
      if (!this.#models.some((known) => known.name === model.name)) this.#models.push(model);
    }
  }

  #lastResort(last: Candidate, error: unknown): Candidate | undefined {
    if (this.#tried.length >= ATTEMPTS_MIN) return undefined;
    return this.#leastBad() ?? (helpsAgain(error) ? last : undefined);
  }

  /** Of those that were not tried, the model that was asked for first. */
  #leastBad(): Candidate | undefined {
    for (const model of this.#models) {
      let best: Deployment | undefined;
      let bestBadness = Number.POSITIVE_INFINITY;
      for (const deployment of model.deployments) {
        if (!this.#isOpen(deployment)) continue;
        const badness = this.#services.health.badness(deployment);
        if (badness >= bestBadness) continue;
        best = deployment;
        bestBadness = badness;
      }
      if (best !== undefined) return { model, deployment: best };
    }
    return undefined;
  }

  #pick(model: Model): Deployment | undefined {
    const { deployments } = model;
    const pool: Deployment[] = [];
    let tier = Number.POSITIVE_INFINITY;
    for (const deployment of deployments) {
      if (deployment.tier > tier || !this.#isOpen(deployment)) continue;
      if (this.#services.health.verdict(deployment) === 'out') continue;
      if (deployment.tier < tier) pool.length = 0;
      tier = deployment.tier;
      pool.push(deployment);
    }
    return pool.length < 2 ? pool[0] : this.#choose(model, pool);
  }

  #choose(model: Model, pool: readonly Deployment[]): Deployment | undefined {
    if (model.affinity) {
      const { projectId, json } = this.#request;
      this.#seed ??= conversationSeed(projectId, json);
      if (this.#seed !== undefined) return deploymentOfConversation(pool, this.#seed);
    }
    return chooseByStrategy(model.strategy, pool, this.#services.view(model));
  }

  /** It serves the endpoint and was not tried: fallbacks may share deployments. */
  #isOpen(deployment: Deployment): boolean {
    if (!answersEndpoint(deployment, this.#request.endpoint)) return false;
    for (const { deployment: tried } of this.#tried) {
      if (tried.id === deployment.id && tried.upstreamModel === deployment.upstreamModel)
        return false;
    }
    return true;
  }
}

function unsupportedEndpoint({ name }: Model, endpoint: Endpoint) {
  return gatewayError('unsupported_endpoint', {
    message: `The model '${name}' does not serve ${endpoint}. Choose another model.`,
    param: 'model',
  });
}
