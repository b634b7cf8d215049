import { AppError } from '../../../lib/app-error.ts';
import type { Principal } from '../../identity/index.ts';
import type { Endpoint } from '../../models/index.ts';
import { dialectOf } from '../dialects.ts';
import { gatewayError } from '../errors.ts';
import type { AnsweredStream } from '../inference-service.ts';
import type { JsonAnswer } from '../provider.ts';
import type { CacheableCall } from '../response-cache/cache-request.ts';
import type { Inference } from '../response-cache/cached-inference.ts';
import { checkedStream } from './checked-stream.ts';
import type { Guardrail, GuardrailDecision, GuardrailStage } from './guardrail.ts';
import { guardedStream } from './guarded-stream.ts';
import { inspectBody, Inspection } from './inspect-texts.ts';
import { mapAnswerTexts, mapRequestTexts, withoutLogprobs } from './map-texts.ts';
import { AnswerTexts, requestTexts, wholeChecks, wholeDecisions } from './whole-inspection.ts';

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
      const guarded = new GuardedCall(guardrails, own, call);
      return guarded.answer(await inference.complete(await guarded.request()));
    },
    stream: async (call, patienceMs) => {
      const own = guardrails.of(call.principal);
      if (own.length === 0) return inference.stream(call, patienceMs);
      const guarded = new GuardedCall(guardrails, own, call);
      return guarded.events(await inference.stream(await guarded.request(), patienceMs));
    },
  };
}

/** One call between its guardrails. */
class GuardedCall {
  readonly #guardrails: Guardrails;
  readonly #own: readonly Guardrail[];
  readonly #call: CacheableCall;

  constructor(guardrails: Guardrails, own: readonly Guardrail[], call: CacheableCall) {
    this.#guardrails = guardrails;
    this.#own = own;
    this.#call = call;
  }

  /** The call without what is masked; rejects with a 400 when it is denied. */
  async request(): Promise<CacheableCall> {
    const { body } = this.#call;
    const inspection = new Inspection(this.#own, 'input');
    const json = inspectBody(inspection, body.json, mapRequestTexts);
    this.#refuse('input', inspection.decisions);
    await this.#checkWhole('input', () => requestTexts(json));
    if (json === body.json) return this.#call;
    return { ...this.#call, body: { json, bytes: Buffer.from(JSON.stringify(json)) } };
  }

  /** The answer without what is masked; rejects with a 400 when it is denied. */
  async answer(answer: JsonAnswer): Promise<JsonAnswer> {
    const inspection = new Inspection(this.#own, 'output');
    const isInspected = inspection.guardrails.length > 0;
    const shown = isInspected ? withoutLogprobs(answer.json) : answer.json;
    const json = inspectBody(inspection, shown, mapAnswerTexts);
    this.#refuse('output', inspection.decisions);
    await this.#checkWhole('output', () => {
      const said = new AnswerTexts();
      said.add(json);
      return said.texts;
    });
    if (json === answer.json) return answer;
    return { ...answer, json, body: Buffer.from(JSON.stringify(json)) };
  }

  events(stream: AnsweredStream): AnsweredStream {
    const body = this.#checked(this.#inspected(stream.body));
    return { ...stream, body };
  }

  #inspected(body: AnsweredStream['body']): AnsweredStream['body'] {
    const inspection = new Inspection(this.#own, 'output');
    if (inspection.guardrails.length === 0) return body;
    const deny = (guardrail: Guardrail) => this.#errorEvent(deniedAnswer(guardrail));
    const record = () => this.#record(inspection.decisions);
    return (async function* () {
      try {
        yield* guardedStream(body, inspection, deny);
      } finally {
        record();
      }
    })();
  }

  #checked(body: AnsweredStream['body']): AnsweredStream['body'] {
    if (wholeChecks(this.#own, 'output').length === 0) return body;
    const check = (texts: readonly string[]) =>
      this.#checkWhole('output', () => texts).then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof AppError) return error;
          throw error;
        },
      );
    return checkedStream(body, check, (error) => this.#errorEvent(error));
  }

  async #checkWhole(stage: GuardrailStage, textsOf: () => readonly string[]): Promise<void> {
    const checks = wholeChecks(this.#own, stage);
    if (checks.length === 0) return;
    const texts = textsOf();
    // An answer that only calls tools says nothing.
    if (texts.length === 0) return;
    const { requestId, signal, body } = this.#call;
    const model = String(body.json['model']);
    const given = { stage, requestId, model, texts, signal };
    this.#refuse(stage, await wholeDecisions(checks, given));
  }

  /** Writes decisions down; throws for the first that denies. */
  #refuse(stage: GuardrailStage, decisions: readonly GuardrailDecision[]): void {
    this.#record(decisions);
    const denial = decisions.find(({ guardrail }) => guardrail.action === 'deny');
    if (denial === undefined) return;
    const { guardrail } = denial;
    throw stage === 'input'
      ? deniedRequest(guardrail, this.#call.endpoint)
      : deniedAnswer(guardrail);
  }

  #record(decisions: readonly GuardrailDecision[]): void {
    for (const decision of decisions) this.#guardrails.record(this.#call, decision);
  }

  #errorEvent(error: AppError): Buffer {
    return dialectOf(this.#call.endpoint).errorEvent(error, this.#call.requestId);
  }
}

/** The field that holds the texts of a request. */
const TEXT_FIELDS: Readonly<Partial<Record<Endpoint, string>>> = {
  'chat.completions': 'messages',
  messages: 'messages',
  completions: 'prompt',
  embeddings: 'input',
};

const deniedRequest = ({ name }: Guardrail, endpoint: Endpoint) =>
  gatewayError('content_filter', {
    message: `The guardrail '${name}' denies the request.`,
    param: TEXT_FIELDS[endpoint],
  });

const deniedAnswer = ({ name }: Guardrail) =>
  gatewayError('content_filter', { message: `The guardrail '${name}' denies the answer.` });
