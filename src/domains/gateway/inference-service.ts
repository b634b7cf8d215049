import { AppError } from '../../lib/app-error.ts';
import type { Deployment } from '../models/index.ts';
import type { AttemptScope } from './attempt-scope.ts';
import type { CallMeter } from './call-meter.ts';
import { dialectOf } from './dialects.ts';
import { isJsonObject } from './field-checks.ts';
import { type Speaker, speakerFor } from './messages/translating-provider.ts';
import { type OpenedStream, openStream } from './open-stream.ts';
import type { JsonAnswer, Provider, UpstreamRequest } from './provider.ts';
import { type RelayedCall, relayStream } from './relay-stream.ts';
import { asksForUsage } from './request-body.ts';
import {
  type CallServices,
  type InferenceCall,
  isClientGone,
  RoutedCall,
} from './routing/routed-call.ts';
import type { StreamDialect } from './stream-dialect.ts';
import { StreamProgress } from './stream-progress.ts';
import { failure } from './upstream-failure.ts';

export type { InferenceCall } from './routing/routed-call.ts';

export interface InferenceServices extends CallServices {
  readonly providers: Readonly<Partial<Record<Deployment['provider'], Provider>>>;
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
    const routed = await RoutedCall.open(this.#services, call, false);
    const { meter, scope } = routed;
    try {
      const answer = await routed.attempt(({ deployment }) =>
        this.#provider(deployment, call).complete(upstreamRequest(call, deployment, scope.signal)),
      );
      meter.endAttempt('ok');
      settleAnswer(meter, answer, dialectOf(call.endpoint));
      return { ...answer, headers: routed.headers(answer.headers) };
    } catch (error) {
      throw routed.failed(error);
    } finally {
      scope.release();
    }
  }

  /**
   * A stream whose first event is here; rejects when there is none. A call that stays silent for `patienceMs` is
   * answered with a stream that begins later, because the client's proxies must see some bytes.
   */
  async stream(call: InferenceCall, patienceMs: number): Promise<AnsweredStream> {
    const routed = await RoutedCall.open(this.#services, call, true);
    const { meter, scope } = routed;
    const dialect = dialectOf(call.endpoint);
    const hideUsage = dialect.hidesUsage(call.body.json);
    const progress = new StreamProgress({ dialect, hideUsage });
    settleOnAbort(scope.signal, progress, meter);
    const opening = this.#open(call, routed);
    // Its failure is told by the race or by the relay; a client that is gone hears of neither.
    opening.catch(() => undefined);
    const opened = await this.#within(opening, patienceMs);
    const errorEvent = (error: AppError) => dialect.errorEvent(error, call.requestId);
    const body = this.#relay(opened ?? opening, scope, { progress, meter, errorEvent });
    return { headers: opened ? routed.headers(opened.headers) : routed.earlyHeaders, body };
  }

  async *#relay(
    opening: OpenedStream | Promise<OpenedStream>,
    scope: AttemptScope,
    call: RelayedCall,
  ): AsyncGenerator<Buffer, void, void> {
    try {
      yield* relayStream(await opening, call);
    } catch (error) {
      yield call.errorEvent(appErrorOf(error));
    } finally {
      scope.release();
    }
  }

  async #open(call: InferenceCall, routed: RoutedCall): Promise<OpenedStream> {
    try {
      const bytes = dialectOf(call.endpoint).streamedBody(call.body);
      const opened = await routed.attempt(({ deployment }) => {
        const request = { ...upstreamRequest(call, deployment, routed.scope.signal), bytes };
        return openStream(this.#provider(deployment, call), request, this.#services.timeouts);
      });
      routed.meter.markFirstToken();
      return opened;
    } catch (error) {
      throw routed.failed(error);
    }
  }

  /** The opened stream, or undefined when it takes longer than `patienceMs`. Rejects as the opening does. */
  async #within(opening: Promise<OpenedStream>, patienceMs: number) {
    const patience = Promise.withResolvers<undefined>();
    // A plain timer: ending a sleep early makes two errors with their stacks, for every stream.
    const timer = setTimeout(() => patience.resolve(undefined), patienceMs);
    try {
      return await Promise.race([opening, patience.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #provider(deployment: Deployment, { endpoint }: InferenceCall): Speaker {
    const provider = this.#services.providers[deployment.provider];
    if (provider === undefined) throw new Error(`no provider speaks ${deployment.provider}`);
    return speakerFor(provider, deployment, endpoint);
  }
}

function upstreamRequest(
  call: InferenceCall,
  deployment: Deployment,
  signal: AbortSignal,
): UpstreamRequest {
  const { endpoint, requestId, headers } = call;
  const { bytes, json } = call.body;
  const usageAsked = asksForUsage(json);
  return { deployment, endpoint, bytes, json, usageAsked, requestId, headers, signal };
}

function settleAnswer(meter: CallMeter, answer: JsonAnswer, dialect: StreamDialect): void {
  const { json } = answer;
  const usage = isJsonObject(json['usage']) ? json['usage'] : undefined;
  const reported = answer.reported ?? { usage, counts: dialect.countsOf(usage) };
  const estimateCompletion = () => dialect.estimateCompletion(json);
  meter.settle({ ...reported, status: 'completed', estimateCompletion });
}

/** A client that goes away before anyone reads its stream still gets its record, and at once. */
function settleOnAbort(signal: AbortSignal, progress: StreamProgress, meter: CallMeter): void {
  const settle = () => {
    if (!isClientGone(signal.reason)) return;
    meter.endAttempt('aborted');
    const estimate = () => progress.estimateCompletion();
    meter.settle({ ...progress.reported, status: 'aborted', estimateCompletion: estimate });
  };
  if (signal.aborted) settle();
  else signal.addEventListener('abort', settle, { once: true });
}

function appErrorOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return failure('5xx', 'upstream_error', { message: 'The stream failed.', cause: error });
}
