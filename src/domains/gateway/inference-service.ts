import { AppError } from '../../lib/app-error.ts';
import type { Principal } from '../identity/index.ts';
import type { Deployment, Endpoint, Model, ModelCatalogue } from '../models/index.ts';
import { AttemptScope } from './attempt-scope.ts';
import { CallMeter, type MeterServices } from './call-meter.ts';
import { isJsonObject, type JsonObject } from './field-checks.ts';
import { errorEvent } from './in-band-error.ts';
import { type OpenedStream, openStream } from './open-stream.ts';
import type { JsonAnswer, Provider, UpstreamRequest, UpstreamTimeouts } from './provider.ts';
import { relayStream } from './relay-stream.ts';
import { asksForUsage, bytesWithUsage, type RequestBody } from './request-body.ts';
import { callWithRetries } from './router.ts';
import { StreamProgress } from './stream-progress.ts';
import { estimateCompletion } from './token-estimate.ts';
import { failure, timedOut, UpstreamFailure, type UpstreamOutcome } from './upstream-failure.ts';

export interface InferenceServices extends MeterServices {
  readonly catalogue: ModelCatalogue;
  readonly providers: Readonly<Partial<Record<Deployment['provider'], Provider>>>;
  readonly timeouts: UpstreamTimeouts;
  readonly random: () => number;
}

/** One call of a client or of another domain, its body valid. */
export interface InferenceCall {
  readonly principal: Principal;
  readonly requestId: string;
  readonly endpoint: Endpoint;
  readonly body: RequestBody;
  /** Aborts when nobody waits any more, with the error to report as its reason. */
  readonly signal: AbortSignal;
}

export interface AnsweredStream {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Authorized calls to models: routed, retried, metered. Every inference of the platform goes through here. */
export class InferenceService {
  readonly #services: InferenceServices;

  constructor(services: InferenceServices) {
    this.#services = services;
  }

  /** The whole answer at once. */
  async complete(call: InferenceCall): Promise<JsonAnswer> {
    const model = await this.#resolve(call);
    const meter = this.#meter(call, model, false);
    const scope = this.#scope(call);
    try {
      const answer = await this.#attempts(model, scope, meter, (deployment) => {
        return this.#provider(deployment).complete(upstreamRequest(call, deployment, scope.signal));
      });
      meter.endAttempt('ok');
      settleAnswer(meter, answer.json);
      return { ...answer, headers: withDeployment(answer.headers, meter.deployment) };
    } catch (error) {
      meter.settle({ status: statusOf(error) });
      throw error;
    } finally {
      scope.release();
    }
  }

  /**
   * A stream whose first event is here; rejects when there is none. A call that stays silent for `patienceMs` is
   * answered with a stream that begins later, because the client's proxies must see some bytes.
   */
  async stream(call: InferenceCall, patienceMs: number): Promise<AnsweredStream> {
    const model = await this.#resolve(call);
    const meter = this.#meter(call, model, true);
    const scope = this.#scope(call);
    const progress = new StreamProgress({ hideUsage: !asksForUsage(call.body.json) });
    settleOnAbort(scope.signal, progress, meter);
    const opening = this.#open(call, model, scope, meter);
    // Its failure is told by the race or by the relay; a client that is gone hears of neither.
    opening.catch(() => undefined);
    const opened = await this.#within(opening, patienceMs);
    const body = this.#relay(opened ?? opening, { progress, meter, scope });
    return { headers: opened ? withDeployment(opened.headers, opened.deployment) : {}, body };
  }

  async *#relay(
    opening: OpenedStream | Promise<OpenedStream>,
    call: { progress: StreamProgress; meter: CallMeter; scope: AttemptScope },
  ): AsyncGenerator<Buffer, void, void> {
    try {
      yield* relayStream(await opening, call.progress, call.meter);
    } catch (error) {
      yield errorEvent(appErrorOf(error));
    } finally {
      call.scope.release();
    }
  }

  async #open(call: InferenceCall, model: Model, scope: AttemptScope, meter: CallMeter) {
    try {
      const bytes = bytesWithUsage(call.body);
      const opened = await this.#attempts(model, scope, meter, (deployment) => {
        const request = { ...upstreamRequest(call, deployment, scope.signal), bytes };
        return openStream(this.#provider(deployment), request, this.#services.timeouts);
      });
      meter.markFirstToken();
      return opened;
    } catch (error) {
      scope.release();
      meter.settle({ status: statusOf(error) });
      throw error;
    }
  }

  async #attempts<T>(
    model: Model,
    scope: AttemptScope,
    meter: CallMeter,
    attempt: (deployment: Deployment) => Promise<T>,
  ): Promise<T> {
    const { clock, random } = this.#services;
    const plan = { deployments: model.deployments, signal: scope.signal, clock, random };
    return callWithRetries(plan, async (deployment) => {
      meter.startAttempt(deployment.name);
      try {
        return await attempt(deployment);
      } catch (error) {
        meter.endAttempt(outcomeOf(error));
        throw error;
      }
    });
  }

  async #resolve(call: InferenceCall): Promise<Model> {
    const name = String(call.body.json['model']);
    const { catalogue } = this.#services;
    return catalogue.find(name) ?? (await catalogue.resolve(name));
  }

  /** The opened stream, or undefined when it takes longer than `patienceMs`. Rejects as the opening does. */
  async #within(opening: Promise<OpenedStream>, patienceMs: number) {
    const waiting = new AbortController();
    const patience = this.#services.clock.sleep(patienceMs, waiting.signal).catch(() => undefined);
    try {
      return await Promise.race([opening, patience.then(() => undefined)]);
    } finally {
      waiting.abort();
    }
  }

  #scope(call: InferenceCall): AttemptScope {
    const scope = new AttemptScope(call.signal);
    const { totalMs } = this.#services.timeouts;
    scope.startTimer(totalMs, () => timedOut('finish its answer', totalMs));
    return scope;
  }

  #meter(call: InferenceCall, model: Model, streamed: boolean): CallMeter {
    const { principal, requestId, endpoint, body } = call;
    return new CallMeter(this.#services, {
      principal,
      requestId,
      endpoint,
      model: model.name,
      modelLabel: model.label,
      streamed,
      json: body.json,
    });
  }

  #provider(deployment: Deployment): Provider {
    const provider = this.#services.providers[deployment.provider];
    if (provider === undefined) throw new Error(`no provider speaks ${deployment.provider}`);
    return provider;
  }
}

function upstreamRequest(
  call: InferenceCall,
  deployment: Deployment,
  signal: AbortSignal,
): UpstreamRequest {
  const { endpoint, requestId } = call;
  const { bytes, json } = call.body;
  return { deployment, endpoint, bytes, json, usageAsked: asksForUsage(json), requestId, signal };
}

function settleAnswer(meter: CallMeter, json: JsonObject): void {
  const usage = isJsonObject(json['usage']) ? json['usage'] : undefined;
  const estimate = () => estimateCompletion(json);
  meter.settle({ status: 'completed', usage, estimateCompletion: estimate });
}

/** A client that goes away before anyone reads its stream still gets its record, and at once. */
function settleOnAbort(signal: AbortSignal, progress: StreamProgress, meter: CallMeter): void {
  const settle = () => {
    if (statusOf(signal.reason) !== 'aborted') return;
    meter.endAttempt('aborted');
    const estimate = () => progress.estimateCompletion();
    meter.settle({ status: 'aborted', usage: progress.usage, estimateCompletion: estimate });
  };
  if (signal.aborted) settle();
  else signal.addEventListener('abort', settle, { once: true });
}

function withDeployment(headers: Readonly<Record<string, string>>, deployment: string) {
  return { ...headers, 'x-llamp-deployment': deployment };
}

function statusOf(error: unknown): 'aborted' | 'failed' {
  return error instanceof AppError && error.code === 'client_closed_request' ? 'aborted' : 'failed';
}

function outcomeOf(error: unknown): UpstreamOutcome {
  if (error instanceof UpstreamFailure) return error.outcome;
  if (statusOf(error) === 'aborted') return 'aborted';
  return error instanceof AppError && error.status < 500 ? '4xx' : '5xx';
}

function appErrorOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return failure('5xx', 'upstream_error', { message: 'The stream failed.', cause: error });
}
