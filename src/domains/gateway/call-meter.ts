import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Principal } from '../identity/index.ts';
import type { Deployment, Endpoint } from '../models/index.ts';
import {
  type Cost,
  NO_PRICES,
  type PriceBook,
  type UsageRecorder,
  type UsageStatus,
} from '../usage/index.ts';
import type { JsonObject } from './field-checks.ts';
import type { Admission } from './routing/admission.ts';
import type { Attempt } from './routing/attempt.ts';
import { estimatePrompt } from './token-estimate.ts';
import type { UpstreamOutcome } from './upstream-failure.ts';
import { countsOf, NO_USAGE, type UsageCounts } from './usage-counts.ts';

export interface MeterServices {
  readonly recorder: UsageRecorder;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: nothing has a price. */
  readonly prices?: PriceBook;
}

export interface MeteredCall {
  readonly principal: Principal;
  readonly requestId: string;
  readonly endpoint: Endpoint;
  readonly model: string;
  /** The model's label in metrics. */
  readonly modelLabel: string;
  readonly streamed: boolean;
  readonly json: JsonObject;
  readonly bodyBytes: number;
  /** What the call reserved before it began. */
  readonly admission?: Admission;
}

/** The model that an attempt is made with: the one asked for, or a fallback. */
export interface ServedModel {
  readonly name: string;
  /** In metrics. */
  readonly label: string;
}

export interface Settlement {
  readonly status: UsageStatus;
  /** What the upstream reported. */
  readonly usage?: JsonObject;
  /** What `usage` amounts to, where it is not written as that of chat. */
  readonly counts?: UsageCounts;
  /** No model was asked; the answer had been stored. */
  readonly responseCached?: boolean;
  /** Asked only when the upstream reported nothing. */
  readonly estimateCompletion?: () => number;
}

/** In records, where the deployment stands that answered. */
const RESPONSE_CACHE = 'response-cache';

const FREE = { costMicros: 0, priceVersion: null };

/**
 * Measures one call, writes its usage record and settles what it reserved: exactly once, however often and from
 * wherever it is settled.
 */
export class CallMeter {
  readonly #services: MeterServices;
  readonly #call: MeteredCall;
  readonly #startedMs: number;
  readonly #id: string;
  readonly #createdAt: Date;
  #attemptStartedMs = 0;
  #attempt: Attempt | undefined;
  #attempts = 0;
  #upstreamStartedMs = 0;
  #upstreamAnsweredMs = 0;
  #deployment: Pick<Deployment, 'id' | 'name'> | undefined;
  #model: ServedModel;
  #firstTokenMs: number | null = null;
  #costMicros: number | null = null;
  #settled = false;

  constructor(services: MeterServices, call: MeteredCall) {
    this.#services = services;
    this.#call = call;
    this.#model = { name: call.model, label: call.modelLabel };
    this.#startedMs = services.clock.monotonicMs();
    this.#id = services.clock.newId('usage_');
    this.#createdAt = services.clock.now();
  }

  /** The deployment of the last attempt. */
  get deployment(): string {
    return this.#deployment?.name ?? '';
  }

  /** Attempts so far. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The model of the last attempt. */
  get servedModel(): string {
    return this.#model.name;
  }

  /** Null while the call is not settled, and when no price is known. */
  get costMicros(): number | null {
    return this.#costMicros;
  }

  /** Time since the call began that was not spent on attempts, pauses between them included. */
  ownTimeMs(): number {
    const totalMs = this.#services.clock.monotonicMs() - this.#startedMs;
    return totalMs - this.upstreamMs;
  }

  /** From the first attempt to the first event or the whole answer of the last one. */
  get upstreamMs(): number {
    return Math.max(0, this.#upstreamAnsweredMs - this.#upstreamStartedMs);
  }

  /** `attempt` observes it for routing. */
  startAttempt(deployment: Deployment, model: ServedModel, attempt: Attempt): void {
    this.#deployment = deployment;
    this.#model = model;
    this.#attempt = attempt;
    this.#attempts += 1;
    this.#attemptStartedMs = this.#services.clock.monotonicMs();
    if (this.#attempts > 1) return;
    this.#upstreamStartedMs = this.#attemptStartedMs;
    this.#begin(deployment);
  }

  /** The first event of a stream is here. */
  markFirstToken(): void {
    const nowMs = this.#services.clock.monotonicMs();
    this.#firstTokenMs = Math.round(nowMs - this.#startedMs);
    this.#upstreamAnsweredMs = nowMs;
    const durationMs = nowMs - this.#attemptStartedMs;
    this.#attempt?.firstToken(durationMs);
    this.#services.metrics.upstreamFirstToken.observe(this.#labels(), durationMs / 1000);
  }

  /** `error` is what a failed attempt rejected with. */
  endAttempt(outcome: UpstreamOutcome, error?: unknown): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    const { metrics, clock } = this.#services;
    const nowMs = clock.monotonicMs();
    const durationMs = nowMs - this.#attemptStartedMs;
    if (this.#firstTokenMs === null) {
      this.#upstreamAnsweredMs = nowMs;
      if (outcome === 'ok') attempt.answer(durationMs);
    }
    attempt.ended(outcome, error);
    metrics.upstreamRequests.inc({ ...this.#labels(), outcome });
    metrics.upstreamDuration.observe(this.#labels(), durationMs / 1000);
  }

  /** Writes the record, before it returns; the first settlement counts. Never throws. */
  settle(settlement: Settlement): void {
    if (this.#settled) return;
    this.#settled = true;
    const reported = settlement.counts ?? countsOf(settlement.usage);
    // A failed call consumed nothing that anyone could count.
    const estimated = reported === undefined && settlement.status !== 'failed';
    const counts = reported ?? (estimated ? this.#estimate(settlement) : NO_USAGE);
    try {
      const cost = this.#costOf(settlement, counts, reported !== undefined);
      this.#costMicros = cost.costMicros;
      this.#write(settlement, counts, { estimated, ...cost });
    } catch (error) {
      this.#services.log.error({ error }, 'a usage record could not be written');
    } finally {
      this.#settleAdmission(settlement.status, counts);
    }
  }

  /** A stored answer costs nothing, nor does a failure that reported no usage. */
  #costOf({ status, responseCached }: Settlement, counts: UsageCounts, isReported: boolean): Cost {
    if (responseCached === true || (status === 'failed' && !isReported)) return FREE;
    const { prices = NO_PRICES } = this.#services;
    return prices.costMicros(this.#model.name, counts, this.#deployment?.name);
  }

  #begin({ id, name }: Deployment): void {
    const { principal, requestId, endpoint, model, streamed, bodyBytes } = this.#call;
    this.#services.recorder.begin({
      id: this.#id,
      projectId: principal.projectId,
      apiKeyId: principal.apiKeyId,
      userId: principal.userId ?? null,
      requestId,
      endpoint,
      model,
      deployment: name,
      deploymentId: id,
      streamed,
      bodyBytes,
      createdAt: this.#createdAt,
    });
  }

  #settleAdmission(status: UsageStatus, { promptTokens, completionTokens }: UsageCounts): void {
    const { admission } = this.#call;
    if (admission === undefined) return;
    const tokens = promptTokens + completionTokens;
    if (status === 'failed') admission.release();
    else admission.settle({ tokens, costMicros: this.#costMicros ?? 0 });
  }

  #write(settlement: Settlement, counts: UsageCounts, facts: Cost & { estimated: boolean }): void {
    const { clock, recorder } = this.#services;
    const { principal, requestId, endpoint, streamed } = this.#call;
    const responseCached = settlement.responseCached === true;
    recorder.record({
      id: this.#id,
      projectId: principal.projectId,
      apiKeyId: principal.apiKeyId,
      userId: principal.userId ?? null,
      requestId,
      endpoint,
      model: this.#model.name,
      deployment: responseCached ? RESPONSE_CACHE : this.deployment,
      deploymentId: this.#deployment?.id ?? null,
      attempts: this.#attempts,
      status: settlement.status,
      streamed,
      ...counts,
      ...facts,
      responseCached,
      upstreamUsage: settlement.usage ?? null,
      firstTokenMs: this.#firstTokenMs,
      durationMs: Math.round(clock.monotonicMs() - this.#startedMs),
      createdAt: this.#createdAt,
    });
    this.#countTokens(counts);
  }

  #estimate(settlement: Settlement): UsageCounts {
    const promptTokens = this.#estimated(() => estimatePrompt(this.#call.json));
    const completionTokens = this.#estimated(() => settlement.estimateCompletion?.() ?? 0);
    return { ...NO_USAGE, promptTokens, completionTokens };
  }

  /** A record without a number is better than no record. */
  #estimated(estimate: () => number): number {
    try {
      return estimate();
    } catch (error) {
      this.#services.log.warn({ error }, 'the tokens of a call could not be estimated');
      return 0;
    }
  }

  #countTokens(counts: UsageCounts): void {
    const { tokens } = this.#services.metrics;
    const model = this.#model.label;
    tokens.inc({ model, direction: 'prompt' }, counts.promptTokens);
    tokens.inc({ model, direction: 'completion' }, counts.completionTokens);
    if (counts.cachedTokens > 0) tokens.inc({ model, direction: 'cached' }, counts.cachedTokens);
    if (counts.reasoningTokens > 0)
      tokens.inc({ model, direction: 'reasoning' }, counts.reasoningTokens);
  }

  #labels() {
    return { deployment: this.deployment, model: this.#model.label };
  }
}
