import type { AppError } from '../../../lib/app-error.ts';
import type { Principal } from '../../identity/index.ts';
import { dialectOf } from '../dialects.ts';
import { gatewayError } from '../errors.ts';
import type { AnsweredStream } from '../inference-service.ts';
import type { JsonAnswer } from '../provider.ts';
import type { CacheableCall } from '../response-cache/cache-request.ts';
import type { Inference } from '../response-cache/cached-inference.ts';
import type { Guardrail, GuardrailDecision, GuardrailStage } from './guardrail.ts';
import { guardedStream } from './guarded-stream.ts';
import { inspectBody, Inspection } from './inspect-texts.ts';
import { mapAnswerTexts, mapRequestTexts, withoutLogprobs } from './map-texts.ts';

/** Knows the guardrails of a caller, and takes what they decided. */
export interface Guardrails {
  of(principal: Principal): readonly Guardrail[];
  /** Never throws, and nobody waits for it. */
  record(call: Pick<CacheableCall, 'principal' | 'requestId'>, decision: GuardrailDecision): void;
}

/**
 * Puts guardrails around `inference`: texts of the request before a model or the cache sees them, texts of the answer
 * before the client does. A caller without guardrails goes straight through.
 */
export function guardedInference(inference: Inference, guardrails: Guardrails): Inference {
  return {
    complete: async (call) => {
      const own = guardrails.of(call.principal);
      if (own.length === 0) return inference.complete(call);
      const answer = await inference.complete(guardedCall(guardrails, own, call));
      return guardedAnswer(guardrails, own, { call, answer });
    },
    stream: async (call, patienceMs) => {
      const own = guardrails.of(call.principal);
      if (own.length === 0) return inference.stream(call, patienceMs);
      const stream = await inference.stream(guardedCall(guardrails, own, call), patienceMs);
      return guardedEvents(guardrails, own, { call, stream });
    },
  };
}

/** The call without what is masked; throws the 400 when it is denied. */
function guardedCall(
  guardrails: Guardrails,
  own: readonly Guardrail[],
  call: CacheableCall,
): CacheableCall {
  const inspection = new Inspection(own, 'input');
  const json = inspectBody(inspection, call.body.json, mapRequestTexts);
  recordAll(guardrails, call, inspection);
  if (inspection.denial !== undefined) throw denied(inspection.denial, 'input');
  if (json === call.body.json) return call;
  return { ...call, body: { json, bytes: Buffer.from(JSON.stringify(json)) } };
}

function guardedAnswer(
  guardrails: Guardrails,
  own: readonly Guardrail[],
  { call, answer }: { call: CacheableCall; answer: JsonAnswer },
): JsonAnswer {
  const inspection = new Inspection(own, 'output');
  if (inspection.guardrails.length === 0) return answer;
  const shown = withoutLogprobs(answer.json);
  const json = inspectBody(inspection, shown, mapAnswerTexts);
  recordAll(guardrails, call, inspection);
  if (inspection.denial !== undefined) throw denied(inspection.denial, 'output');
  return json === answer.json
    ? answer
    : { ...answer, json, body: Buffer.from(JSON.stringify(json)) };
}

function guardedEvents(
  guardrails: Guardrails,
  own: readonly Guardrail[],
  { call, stream }: { call: CacheableCall; stream: AnsweredStream },
): AnsweredStream {
  const inspection = new Inspection(own, 'output');
  if (inspection.guardrails.length === 0) return stream;
  const deny = (guardrail: Guardrail) =>
    dialectOf(call.endpoint).errorEvent(denied(guardrail, 'output'), call.requestId);
  const recorded = async function* () {
    try {
      yield* guardedStream(stream.body, inspection, deny);
    } finally {
      recordAll(guardrails, call, inspection);
    }
  };
  return { ...stream, body: recorded() };
}

function recordAll(guardrails: Guardrails, call: CacheableCall, inspection: Inspection): void {
  for (const decision of inspection.decisions) guardrails.record(call, decision);
}

function denied({ name }: Guardrail, stage: GuardrailStage): AppError {
  const what = stage === 'input' ? 'the request' : 'the answer';
  return gatewayError('content_filter', {
    message: `The guardrail '${name}' denies ${what}.`,
    param: stage === 'input' ? 'messages' : undefined,
  });
}
