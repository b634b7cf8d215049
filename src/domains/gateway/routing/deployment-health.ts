import { LRUCache } from 'lru-cache';
import { AppError } from '../../../lib/app-error.ts';
import type { Log } from '../../../lib/log.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Deployment } from '../../models/index.ts';
import type { UpstreamOutcome } from '../upstream-failure.ts';
import { healthSign } from './failure-class.ts';
import {
  type Outage,
  type OutageReason,
  Outages,
  type OutageStart,
  type Verdict,
} from './outages.ts';

/** A change of one instance's knowledge that the others should have too. */
export type HealthChange =
  | ({ readonly subject: HealthSubject; readonly id: string; readonly state: 'out' } & OutageStart)
  | { readonly subject: HealthSubject; readonly id: string; readonly state: 'back' };
export type HealthSubject = 'deployment' | 'credential';

export interface HealthStatus {
  readonly state: 'healthy' | 'probing' | 'out';
  readonly reason: OutageReason | null;
  /** Until it gets traffic again; 0 when it does. */
  readonly retryInMs: number;
}

const CREDENTIAL_OUT_MS = 60_000;
const COOLDOWN_MAX_MS = 60_000;
const COOLDOWN_DEFAULT_MS = 1_000;
const FAILURES_MAX = 5;
const FAILURES_WINDOW_MS = 30_000;
const CIRCUIT_OPEN_MS = 15_000;
const TRACKED_MAX = 1_000;

/**
 * Which deployments are in rotation, as far as this instance knows. A refused credential is out for a minute and then
 * gets single probes; a rate limit lasts as long as the upstream says; five failures within 30 s open the circuit of a
 * deployment for 15 s, each success taking one back, so that a busy deployment that fails now and then stays.
 */
export class DeploymentHealth {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #deployments: Outages;
  readonly #credentials: Outages;
  /** Times of failures, oldest first. */
  readonly #failuresMs = new LRUCache<string, number[]>({ max: TRACKED_MAX });
  #onChange: (change: HealthChange) => void = () => undefined;

  constructor({ clock, log }: { clock: Clock; log: Log }) {
    this.#clock = clock;
    this.#log = log;
    this.#deployments = new Outages((id) => this.#logBack('deployment', id));
    this.#credentials = new Outages((id) => this.#logBack('credential', id));
  }

  /** `listener` hears of what this instance finds out, not of what it is told. */
  onChange(listener: (change: HealthChange) => void): void {
    this.#onChange = listener;
  }

  verdict(deployment: Deployment): Verdict {
    if (this.#deployments.isEmpty && this.#credentials.isEmpty) return 'healthy';
    const nowMs = this.#clock.monotonicMs();
    const own = this.#deployments.verdict(deployment.id, nowMs);
    const credential = this.#credentials.verdict(deployment.credentialId, nowMs);
    if (own === 'out' || credential === 'out') return 'out';
    return own === 'probe' || credential === 'probe' ? 'probe' : 'healthy';
  }

  /** Orders those that are out: the sooner it may work the smaller; a refused credential comes last. */
  badness({ id, credentialId }: Deployment): number {
    const nowMs = this.#clock.monotonicMs();
    const credential = this.#credentials.find(credentialId) === undefined ? 0 : CREDENTIAL_OUT_MS;
    return (
      this.#deployments.remainingMs(id, nowMs) +
      this.#credentials.remainingMs(credentialId, nowMs) +
      credential
    );
  }

  status({ id, credentialId }: Deployment): HealthStatus {
    const nowMs = this.#clock.monotonicMs();
    const verdicts = [
      this.#deployments.verdict(id, nowMs),
      this.#credentials.verdict(credentialId, nowMs),
    ];
    const outage = this.#credentials.find(credentialId) ?? this.#deployments.find(id);
    if (outage === undefined) return { state: 'healthy', reason: null, retryInMs: 0 };
    const retryInMs = Math.max(
      this.#deployments.remainingMs(id, nowMs),
      this.#credentials.remainingMs(credentialId, nowMs),
    );
    const isOut = retryInMs > 0 && verdicts.includes('out');
    return { state: isOut ? 'out' : 'probing', reason: outage.reason, retryInMs };
  }

  /** An attempt begins; what it returns goes to the other methods. Undefined for a healthy deployment. */
  begin({ id, credentialId }: Deployment): readonly Outage[] | undefined {
    if (this.#deployments.isEmpty && this.#credentials.isEmpty) return undefined;
    const outages = [this.#deployments.find(id), this.#credentials.find(credentialId)];
    const probed = outages.filter((outage) => outage !== undefined);
    for (const outage of probed) outage.probes += 1;
    return probed;
  }

  /** The attempt is over, or has told what a probe wants to know. */
  release(probed: readonly Outage[] | undefined): void {
    for (const outage of probed ?? []) outage.probes -= 1;
  }

  /** The deployment answers. Only a call that began during an outage ends it: an older one proves nothing. */
  answered({ id, credentialId }: Deployment, probed: readonly Outage[] | undefined): void {
    if (probed === undefined) return;
    const own = this.#deployments.find(id);
    if (own !== undefined && probed.includes(own)) this.#end('deployment', id);
    const credential = this.#credentials.find(credentialId);
    if (credential !== undefined && probed.includes(credential))
      this.#end('credential', credentialId);
  }

  /** How an attempt ended; `probed` is empty for one that had answered before. */
  ended(
    deployment: Deployment,
    outcome: UpstreamOutcome,
    error: unknown,
    probed: readonly Outage[] | undefined,
  ): void {
    switch (healthSign(outcome, error)) {
      case 'answered':
        this.answered(deployment, probed);
        this.#failuresMs.get(deployment.id)?.shift();
        break;
      case 'credential':
        this.#start('credential', deployment.credentialId, {
          reason: 'credential_refused',
          forMs: CREDENTIAL_OUT_MS,
          needsProbe: true,
        });
        break;
      case 'limited':
        this.#coolDown(deployment, retryAfterOf(error) ?? COOLDOWN_DEFAULT_MS, 'rate_limited');
        break;
      case 'broken':
        this.#countFailure(deployment, error);
        break;
      case 'none':
        break;
    }
  }

  /** Takes over what another instance found out. */
  apply(change: HealthChange): void {
    const outages = this.#outagesOf(change.subject);
    if (change.state === 'back') {
      if (change.subject === 'deployment') this.#failuresMs.delete(change.id);
      if (outages.end(change.id)) this.#logBack(change.subject, change.id);
      return;
    }
    const forMs = Math.min(change.forMs, COOLDOWN_MAX_MS);
    if (outages.find(change.id) === undefined) this.#logOut(change);
    outages.start(change.id, { ...change, forMs }, this.#clock.monotonicMs());
  }

  #countFailure(deployment: Deployment, error: unknown): void {
    const { id } = deployment;
    const nowMs = this.#clock.monotonicMs();
    const failuresMs = this.#failuresMs.get(id) ?? [];
    if (failuresMs.length === 0) this.#failuresMs.set(id, failuresMs);
    failuresMs.push(nowMs);
    while ((failuresMs[0] ?? nowMs) < nowMs - FAILURES_WINDOW_MS) failuresMs.shift();
    const isProbe = this.#deployments.find(id)?.needsProbe === true;
    if (isProbe || failuresMs.length >= FAILURES_MAX) {
      this.#failuresMs.delete(id);
      const forMs = CIRCUIT_OPEN_MS;
      this.#start('deployment', id, { reason: 'failing', forMs, needsProbe: true });
      return;
    }
    // A 503 may say when to come back, as a 429 does.
    const waitMs = retryAfterOf(error);
    if (waitMs !== undefined) this.#coolDown(deployment, waitMs, 'failing');
  }

  #coolDown({ id }: Deployment, waitMs: number, reason: OutageReason): void {
    const forMs = Math.min(waitMs, COOLDOWN_MAX_MS);
    if (forMs > 0) this.#start('deployment', id, { reason, forMs, needsProbe: false });
  }

  #start(subject: HealthSubject, id: string, start: OutageStart): void {
    const nowMs = this.#clock.monotonicMs();
    const outages = this.#outagesOf(subject);
    const known = outages.find(id);
    // Calls that were under way together fail together; one message tells all of it.
    const isNews = known === undefined || known.untilMs - nowMs < start.forMs / 2;
    outages.start(id, start, nowMs);
    const change = { subject, id, state: 'out', ...start } as const;
    if (known === undefined) this.#logOut(change);
    if (isNews) this.#onChange(change);
  }

  #end(subject: HealthSubject, id: string): void {
    if (subject === 'deployment') this.#failuresMs.delete(id);
    this.#outagesOf(subject).end(id);
    this.#logBack(subject, id);
    this.#onChange({ subject, id, state: 'back' });
  }

  #outagesOf(subject: HealthSubject): Outages {
    return subject === 'deployment' ? this.#deployments : this.#credentials;
  }

  #logOut({ subject, id, reason, forMs }: HealthChange & { state: 'out' }): void {
    this.#log.warn({ [`llamp.${subject}`]: id, reason, forMs }, `a ${subject} is out of rotation`);
  }

  #logBack(subject: HealthSubject, id: string): void {
    this.#log.info({ [`llamp.${subject}`]: id }, `a ${subject} is back in rotation`);
  }
}

function retryAfterOf(error: unknown): number | undefined {
  return error instanceof AppError ? error.retryAfterMs : undefined;
}
