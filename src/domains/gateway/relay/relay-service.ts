import { AppError } from '../../../lib/app-error.ts';
import type { Deployment } from '../../models/index.ts';
import type { CallMeter } from '../call-meter.ts';
import { gatewayError } from '../errors.ts';
import type { JsonObject } from '../field-checks.ts';
import { errorEvent } from '../in-band-error.ts';
import type { InferenceServices } from '../inference-service.ts';
import type { UpstreamRequest } from '../provider.ts';
import { type InferenceCall, isClientGone, RoutedCall } from '../routing/routed-call.ts';
import { estimateTokens } from '../token-estimate.ts';
import { failure } from '../upstream-failure.ts';
import { EventUsage } from './event-usage.ts';
import { openRelay, type RunningRelay, type WholeRelay } from './open-relay.ts';
import { asksForEvents, bytesForUpstream, type RelayBody } from './relay-body.ts';
import { reportedUsage } from './relay-usage.ts';

export interface RelayCall extends InferenceCall {
  readonly body: RelayBody;
}

export type RelayedAnswer =
  | {
      readonly kind: 'whole';
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
    }
  | {
      readonly kind: 'bytes' | 'events';
      readonly headers: Readonly<Record<string, string>>;
      /** Events never reject, a failure is one of them; bytes reject, and the connection has to be broken off. */
      readonly body: AsyncIterable<Buffer>;
      /** Aborts when the answer cannot go on, also while nobody reads it. */
      readonly signal: AbortSignal;
    };

/** Calls whose bodies and answers are not ours to read: routed, retried and metered as every other call. */
export class RelayService {
  readonly #services: InferenceServices;

  constructor(services: InferenceServices) {
    this.#services = services;
  }

  /** The answer as the upstream gives it; events that stay silent for `patienceMs` are answered early. */
  async relay(call: RelayCall, patienceMs: number): Promise<RelayedAnswer> {
    const { endpoint, body } = call;
    const streamed = endpoint === 'audio.speech' || asksForEvents(body.json);
    const routed = await RoutedCall.open(this.#services, call, streamed);
    try {
      const opened = await routed.attempt(({ deployment }) =>
        openRelay(
          this.#relayOf(deployment, call),
          upstreamRequest(call, deployment, routed.scope.signal),
          patienceMs,
        ),
      );
      return opened.kind === 'whole' ? wholeAnswer(opened, routed) : runningAnswer(opened, routed);
    } catch (error) {
      throw routed.failed(error);
    }
  }

  #relayOf({ provider: name }: Deployment, { endpoint, body }: RelayCall) {
    const provider = this.#services.providers[name];
    if (provider?.relay !== undefined) return provider.relay.bind(provider);
    throw gatewayError('unsupported_endpoint', {
      message: `The provider of the model '${String(body.json['model'])}' does not serve ${endpoint}. Choose another model.`,
      param: 'model',
      // Another deployment of the model may speak another dialect.
      retryable: true,
    });
  }
}

function upstreamRequest(
  { endpoint, requestId, body }: RelayCall,
  deployment: Deployment,
  signal: AbortSignal,
): UpstreamRequest {
  const { json, contentType } = body;
  const bytes = bytesForUpstream(body, deployment.upstreamModel);
  return { deployment, endpoint, bytes, json, contentType, usageAsked: false, requestId, signal };
}

function wholeAnswer({ headers, body, json }: WholeRelay, routed: RoutedCall): RelayedAnswer {
  const { meter, scope } = routed;
  meter.endAttempt('ok');
  const estimate = () => estimateText(json);
  meter.settle({ ...reportedUsage(json), status: 'completed', estimateCompletion: estimate });
  scope.release();
  return { kind: 'whole', headers: routed.headers(headers), body };
}

const estimateText = ({ text }: JsonObject) =>
  typeof text === 'string' ? estimateTokens(text) : 0;

function runningAnswer(opened: RunningRelay, routed: RoutedCall): RelayedAnswer {
  const { meter, scope } = routed;
  if (opened.begun) meter.markFirstToken();
  const events = opened.kind === 'events' ? new EventUsage() : undefined;
  const settle = (outcome: Outcome) => settleRunning(meter, outcome, events);
  endOnAbort(scope.signal, settle);
  const finish = (outcome: Outcome) => {
    opened.answer.release(outcome === 'ok');
    settle(outcome);
    scope.release();
  };
  const headers = opened.begun
    ? routed.headers(opened.headers)
    : { ...opened.headers, ...routed.earlyHeaders };
  const parts = partsOf(opened, meter);
  const body = events
    ? passEvents(parts, events, finish)
    : passBytes(opened, parts, { settle, finish });
  return { kind: opened.kind, headers, body, signal: scope.signal };
}

type Outcome = 'ok' | 'aborted' | 'truncated';
type Finish = (outcome: Outcome) => void;

function settleRunning(meter: CallMeter, outcome: Outcome, events: EventUsage | undefined): void {
  meter.endAttempt(outcome);
  meter.settle({ ...events?.reported, status: outcome === 'ok' ? 'completed' : outcome });
}

/** Whoever leaves before reading, or stops in the middle, still gets a record, and at once. */
function endOnAbort(signal: AbortSignal, settle: Finish): void {
  const end = () => settle(outcomeOf(signal.reason));
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
}

const outcomeOf = (error: unknown): Outcome => (isClientGone(error) ? 'aborted' : 'truncated');

type Parts = AsyncGenerator<Buffer, void, void>;

async function* partsOf({ first, begun, answer }: RunningRelay, meter: CallMeter): Parts {
  let part = await first;
  if (!begun) meter.markFirstToken();
  for (; part.done !== true; part = await answer.chunks.next()) yield part.value;
}

async function* passEvents(parts: Parts, events: EventUsage, finish: Finish): Parts {
  // Left as it is when the reader stops.
  let outcome: Outcome = 'aborted';
  let broken: unknown;
  try {
    for await (const part of parts) {
      events.push(part);
      yield part;
    }
    outcome = events.failed ? 'truncated' : 'ok';
  } catch (error) {
    outcome = outcomeOf(error);
    broken = error;
  } finally {
    finish(outcome);
  }
  if (broken !== undefined) yield errorEvent(appErrorOf(broken));
}

async function* passBytes(
  { headers }: RunningRelay,
  parts: Parts,
  { settle, finish }: { settle: Finish; finish: Finish },
): Parts {
  let outcome: Outcome = 'aborted';
  let missingBytes = Number(headers['content-length'] ?? Number.NaN);
  try {
    for await (const part of parts) {
      missingBytes -= part.length;
      // The client knows the length too: its record is written before it sees the end.
      if (missingBytes === 0) settle('ok');
      yield part;
    }
    outcome = 'ok';
  } catch (error) {
    outcome = outcomeOf(error);
    throw error;
  } finally {
    finish(outcome);
  }
}

function appErrorOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return failure('5xx', 'upstream_error', { message: 'The stream failed.', cause: error });
}
