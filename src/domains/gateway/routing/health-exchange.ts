import type { Log } from '../../../lib/log.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { EphemeralStore } from '../../../ports/ephemeral-store.ts';
import type { DeploymentHealth, HealthChange } from './deployment-health.ts';

const CHANNEL = 'llamp:health';
const PUBLISH_TIMEOUT_MS = 500;
/** Changes on their way; more than that only happens when the store stands still. */
const PUBLISHING_MAX = 64;
const OUTAGE_REASONS: readonly unknown[] = ['credential_refused', 'rate_limited', 'failing'];
const ID_MAX = 256;

export interface HealthExchangeServices {
  readonly store: EphemeralStore;
  readonly health: DeploymentHealth;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Tells the other instances what this one finds out about deployments, and the other way round. Messages may be lost:
 * an instance that misses one finds out by itself. Times are lengths, because clocks differ.
 */
export class HealthExchange {
  readonly #services: HealthExchangeServices;
  readonly #instance: string;
  readonly #subscription: Promise<() => Promise<void>>;
  #publishing = 0;

  constructor(services: HealthExchangeServices) {
    this.#services = services;
    this.#instance = services.clock.newId('instance_');
    services.health.onChange((change) => this.#publish(change));
    this.#subscription = this.#subscribe();
  }

  /** Resolves when messages of others arrive, or never will. */
  async ready(): Promise<void> {
    await this.#subscription;
  }

  async close(): Promise<void> {
    this.#services.health.onChange(() => undefined);
    const unsubscribe = await this.#subscription;
    await unsubscribe();
  }

  async #subscribe(): Promise<() => Promise<void>> {
    const { store, log } = this.#services;
    try {
      return await store.subscribe(CHANNEL, (message) => this.#receive(message));
    } catch (error) {
      log.warn({ error }, 'the health of deployments is not shared between instances');
      return async () => undefined;
    }
  }

  #publish(change: HealthChange): void {
    if (this.#publishing >= PUBLISHING_MAX) return;
    this.#publishing += 1;
    const message = JSON.stringify({ from: this.#instance, ...change });
    this.#services.store
      .publish(CHANNEL, message, { timeoutMs: PUBLISH_TIMEOUT_MS })
      .catch((error: unknown) =>
        this.#services.log.debug({ error }, 'a change of health was not shared'),
      )
      .finally(() => {
        this.#publishing -= 1;
      });
  }

  #receive(message: string): void {
    const received = parsed(message);
    if (received === undefined) {
      this.#services.log.debug({}, 'a message about health cannot be read');
      return;
    }
    if (received.from !== this.#instance) this.#services.health.apply(received.change);
  }
}

/** Undefined for what no instance of this version sends. */
function parsed(message: string): { from: unknown; change: HealthChange } | undefined {
  let json: unknown;
  try {
    json = JSON.parse(message);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { from, ...change } = json as Record<string, unknown>;
  return isHealthChange(change) ? { from, change } : undefined;
}

function isHealthChange(value: Record<string, unknown>): value is HealthChange & typeof value {
  const { subject, id, state, reason, forMs, needsProbe } = value;
  if (subject !== 'deployment' && subject !== 'credential') return false;
  if (typeof id !== 'string' || id.length > ID_MAX) return false;
  if (state === 'back') return true;
  return (
    state === 'out' &&
    OUTAGE_REASONS.includes(reason) &&
    typeof forMs === 'number' &&
    forMs > 0 &&
    typeof needsProbe === 'boolean'
  );
}
