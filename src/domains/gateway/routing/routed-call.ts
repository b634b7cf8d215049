import { AppError } from '../../../lib/app-error.ts';
import type { Principal } from '../../identity/index.ts';
import {
  type Endpoint,
  type Model,
  type ModelCatalogue,
  requireAllowedModel,
} from '../../models/index.ts';
import { AttemptScope } from '../attempt-scope.ts';
import { CallMeter, type MeterServices } from '../call-meter.ts';
import type { UpstreamTimeouts } from '../provider.ts';
import type { RequestBody } from '../request-body.ts';
import { callWithRetries } from '../router.ts';
import { estimatePrompt } from '../token-estimate.ts';
import { timedOut, UpstreamFailure, type UpstreamOutcome } from '../upstream-failure.ts';
import { NO_USAGE } from '../usage-counts.ts';
import { withoutCredential } from '../without-credential.ts';
import type { Admission, LimitEnforcer } from './admission.ts';
import { answerHeaders } from './answer-headers.ts';
import type { CallRouter } from './call-router.ts';
import type { Candidate, Route } from './route.ts';

/** All that calls ask of the catalogue. */
export type CallCatalogue = Pick<ModelCatalogue, 'find' | 'resolve' | 'list'>;

export interface CallServices extends MeterServices {
  readonly catalogue: CallCatalogue;
  readonly router: CallRouter;
  readonly limits: LimitEnforcer;
  readonly timeouts: UpstreamTimeouts;
  readonly random: () => number;
}

/** One call of a client or of another domain, its body valid. */
export interface InferenceCall {
  readonly principal: Principal;
  readonly requestId: string;
  readonly endpoint: Endpoint;
  readonly body: RequestBody;
  /** Of the client, lower case: those that belong to the dialect of the endpoint. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Aborts when nobody waits any more, with the error to report as its reason. */
  readonly signal: AbortSignal;
  /** Milliseconds since the request was received; without it our own time counts from the call. */
  readonly elapsedMs?: () => number;
}

/** A call that names no limit for its answer is taken to be this long. */
const COMPLETION_ESTIMATE = 256;

/**
 * A call on its way: its model is known, its limits allow it, its meter runs. Everything that all kinds of calls have
 * in common stands here; end it with `failed` or by settling its meter, and release its scope.
 */
export class RoutedCall {
  readonly #services: CallServices;
  readonly #call: InferenceCall;
  readonly #model: Model;
  readonly #route: Route;
  readonly #admission: Admission | undefined;
  readonly meter: CallMeter;
  readonly scope: AttemptScope;

  private constructor(
    services: CallServices,
    call: InferenceCall,
    begun: { model: Model; route: Route; admission: Admission | undefined; streamed: boolean },
  ) {
    const { model, admission, streamed } = begun;
    this.#services = services;
    this.#call = call;
    this.#model = model;
    this.#route = begun.route;
    this.#admission = admission;
    this.meter = new CallMeter(services, {
      principal: call.principal,
      requestId: call.requestId,
      endpoint: call.endpoint,
      model: model.name,
      modelLabel: model.label,
      streamed,
      json: call.body.json,
      bodyBytes: call.body.bytes.length,
      admission,
    });
    this.scope = new AttemptScope(call.signal);
    const { totalMs } = services.timeouts;
    this.scope.startTimer(totalMs, () => timedOut('finish its answer', totalMs));
  }

  /** Rejects when the model is unknown or does not serve the endpoint, and when a limit is reached. */
  static async open(
    services: CallServices,
    call: InferenceCall,
    streamed: boolean,
  ): Promise<RoutedCall> {
    const { catalogue, router, limits } = services;
    const { principal, endpoint, body } = call;
    const name = String(body.json['model']);
    if (principal.models !== undefined) requireAllowedModel(principal, name);
    const model = catalogue.find(name) ?? (await catalogue.resolve(name));
    const { projectId, models } = principal;
    const request = { projectId, models, endpoint, json: body.json };
    const route = router.route(model, request, streamed);
    const limited = limits.applies(principal, model.name);
    const admission = limited ? await admit(services, call, model.name) : undefined;
    return new RoutedCall(services, call, { model, route, admission, streamed });
  }

  /** Tries deployments until one answers; rejects with the last failure. */
  async attempt<T>(attempt: (candidate: Candidate) => Promise<T>): Promise<T> {
    const { clock, random, router } = this.#services;
    const plan = { route: this.#route, signal: this.scope.signal, clock, random };
    return callWithRetries(plan, async (candidate) => {
      const { deployment, model } = candidate;
      this.meter.startAttempt(deployment, model, router.begin(deployment));
      try {
        return await attempt(candidate);
      } catch (thrown) {
        const error = withoutCredential(thrown, deployment.endpoint);
        this.meter.endAttempt(outcomeOf(error), error);
        throw error;
      }
    });
  }

  /** What the head of a good answer says; ask for it when the head is about to leave. */
  headers(upstream: Readonly<Record<string, string>>): Record<string, string> {
    const overheadMs = this.#overheadMs();
    this.#services.metrics.gatewayOverhead.observe(overheadMs / 1000);
    return { ...upstream, ...this.#callHeaders(overheadMs) };
  }

  /** For a head that leaves before any deployment answered. */
  get earlyHeaders(): Readonly<Record<string, string>> {
    return this.#admission?.headers ?? {};
  }

  /** Ends the call in failure; what it returns is to be thrown. */
  failed(error: unknown): unknown {
    this.scope.release();
    this.meter.settle({ status: isClientGone(error) ? 'aborted' : 'failed' });
    if (error instanceof AppError) error.addHeaders(this.#callHeaders(this.#overheadMs()));
    return error;
  }

  #callHeaders(overheadMs: number): Record<string, string> {
    const { meter } = this;
    const fallback = meter.servedModel === this.#model.name ? undefined : meter.servedModel;
    const { deployment, attempts, costMicros } = meter;
    const facts = { deployment, attempts, fallback, costMicros, overheadMs };
    return { ...this.#admission?.headers, ...answerHeaders(facts) };
  }

  #overheadMs(): number {
    const { meter } = this;
    const sinceReceivedMs = (this.#call.elapsedMs?.() ?? 0) - meter.upstreamMs;
    return Math.max(sinceReceivedMs, meter.ownTimeMs());
  }
}

async function admit(
  services: CallServices,
  call: InferenceCall,
  model: string,
): Promise<Admission> {
  const { principal, signal } = call;
  const { json } = call.body;
  const promptTokens = estimatePrompt(json);
  const completionTokens =
    tokenLimit(json['max_completion_tokens']) ??
    tokenLimit(json['max_tokens']) ??
    COMPLETION_ESTIMATE;
  const counts = { ...NO_USAGE, promptTokens, completionTokens };
  return services.limits.admit({
    principal,
    model,
    estimatedTokens: promptTokens + completionTokens,
    estimatedCostMicros: services.prices?.costMicros(model, counts).costMicros ?? 0,
    signal,
  });
}

function tokenLimit(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

/** True for the error of a client that went away. */
export function isClientGone(error: unknown): boolean {
  return error instanceof AppError && error.code === 'client_closed_request';
}

function outcomeOf(error: unknown): UpstreamOutcome {
  if (error instanceof UpstreamFailure) return error.outcome;
  if (isClientGone(error)) return 'aborted';
  return error instanceof AppError && error.status < 500 ? '4xx' : '5xx';
}
