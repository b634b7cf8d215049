import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Principal } from '../identity/index.ts';
import type { Endpoint } from '../models/index.ts';
import type { UsageRecorder, UsageStatus } from '../usage/index.ts';
import type { JsonObject } from './field-checks.ts';
import { estimatePrompt } from './token-estimate.ts';
import type { UpstreamOutcome } from './upstream-failure.ts';
import { countsOf, NO_USAGE, type UsageCounts } from './usage-counts.ts';

export interface MeterServices {
  readonly recorder: UsageRecorder;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
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
}

export interface Settlement {
  readonly status: UsageStatus;
  /** What the upstream reported. */
  readonly usage?: JsonObject;
  /** Asked only when the upstream reported nothing. */
  readonly estimateCompletion?: () => number;
}

/** Measures one call and writes its usage record: exactly one, however often and from wherever it is settled. */
export class CallMeter {
  readonly #services: MeterServices;
  readonly #call: MeteredCall;
  readonly #startedMs: number;
  #attemptStartedMs = 0;
  #attemptOpen = false;
  #deployment = '';
  #firstTokenMs: number | null = null;
  #settled = false;

  constructor(services: MeterServices, call: MeteredCall) {
    this.#services = services;
    this.#call = call;
    this.#startedMs = services.clock.monotonicMs();
  }

  /** The deployment of the last attempt. */
  get deployment(): string {
    return this.#deployment;
  }

  startAttempt(deployment: string): void {
    this.#deployment = deployment;
    this.#attemptStartedMs = this.#services.clock.monotonicMs();
    this.#attemptOpen = true;
  }

  /** The first event of a stream is here. */
  markFirstToken(): void {
    const nowMs = this.#services.clock.monotonicMs();
    this.#firstTokenMs = Math.round(nowMs - this.#startedMs);
    const seconds = (nowMs - this.#attemptStartedMs) / 1000;
    this.#services.metrics.upstreamFirstToken.observe(this.#labels(), seconds);
  }

  endAttempt(outcome: UpstreamOutcome): void {
    if (!this.#attemptOpen) return;
    this.#attemptOpen = false;
    const { metrics, clock } = this.#services;
    metrics.upstreamRequests.inc({ ...this.#labels(), outcome });
    const seconds = (clock.monotonicMs() - this.#attemptStartedMs) / 1000;
    metrics.upstreamDuration.observe(this.#labels(), seconds);
  }

  /** Writes the record, before it returns; the first settlement counts. Never throws. */
  settle(settlement: Settlement): void {
    if (this.#settled) return;
    this.#settled = true;
    try {
      this.#write(settlement);
    } catch (error) {
      this.#services.log.error({ error }, 'a usage record could not be written');
    }
  }

  #write(settlement: Settlement): void {
    const reported = countsOf(settlement.usage);
    // A failed call consumed nothing that anyone could count.
    const estimated = reported === undefined && settlement.status !== 'failed';
    const counts = reported ?? (estimated ? this.#estimate(settlement) : NO_USAGE);
    const { clock, recorder } = this.#services;
    const { principal, requestId, endpoint, model, streamed } = this.#call;
    recorder.record({
      id: clock.newId('usage_'),
      projectId: principal.projectId,
      apiKeyId: principal.apiKeyId,
      requestId,
      endpoint,
      model,
      deployment: this.#deployment,
      status: settlement.status,
      streamed,
      ...counts,
      upstreamUsage: settlement.usage ?? null,
      estimated,
      firstTokenMs: this.#firstTokenMs,
      durationMs: Math.round(clock.monotonicMs() - this.#startedMs),
      createdAt: clock.now(),
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
    const model = this.#call.modelLabel;
    tokens.inc({ model, direction: 'prompt' }, counts.promptTokens);
    tokens.inc({ model, direction: 'completion' }, counts.completionTokens);
    if (counts.cachedTokens > 0) tokens.inc({ model, direction: 'cached' }, counts.cachedTokens);
    if (counts.reasoningTokens > 0)
      tokens.inc({ model, direction: 'reasoning' }, counts.reasoningTokens);
  }

  #labels() {
    return { deployment: this.#deployment, model: this.#call.modelLabel };
  }
}
