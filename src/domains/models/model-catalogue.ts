import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ResolvedModels } from './definitions/resolve-models.ts';
import { modelNotFound, modelsUnavailable, modelUnusable } from './errors.ts';
import { builtinModels, type Model, type UpstreamEndpoint } from './model.ts';
import { MODEL_NAME_MAX } from './schemas.ts';
import { UpstreamModels, type UpstreamState } from './upstream-models.ts';

export interface ModelCatalogueOptions {
  /** Undefined when none is configured: the built-in and the configured models remain. */
  readonly upstream?: UpstreamEndpoint;
  readonly clock: Clock;
  readonly log: Log;
  /** Default 60 000, with 10 % jitter. */
  readonly refreshIntervalMs?: number;
  /** An unknown name asks the upstream again at most this often. Default 5 000. */
  readonly unknownModelIntervalMs?: number;
  /** Default 5 000. */
  readonly timeoutMs?: number;
  /** Hears of every new snapshot. */
  readonly onSnapshot?: (version: number) => void;
}

/** For health checks. */
export interface CatalogueStatus {
  readonly upstream: UpstreamState;
  /** Why the last reading failed, for people. */
  readonly reason: string | undefined;
  readonly models: number;
}

const NOTHING_CONFIGURED: ResolvedModels = { models: [], withheld: new Map() };

/** Everything that a lookup needs; replaced as a whole, never changed. */
interface Snapshot {
  readonly version: number;
  /** Sorted by name. */
  readonly models: ReadonlyMap<string, Model>;
  readonly withheld: ResolvedModels['withheld'];
  readonly upstream: UpstreamState;
}

/**
 * Model name to deployments, in memory: built-in models, configured ones, and those that the upstream of the
 * environment lists. Lookups see one snapshot or the next, never a mixture.
 */
export class ModelCatalogue {
  readonly #upstream: UpstreamModels;
  readonly #openedSeconds: number;
  readonly #onSnapshot: (version: number) => void;
  #configured = NOTHING_CONFIGURED;
  #snapshot: Snapshot;

  constructor(options: ModelCatalogueOptions) {
    this.#openedSeconds = Math.floor(options.clock.now().getTime() / 1000);
    this.#onSnapshot = options.onSnapshot ?? (() => undefined);
    this.#upstream = new UpstreamModels({
      refreshIntervalMs: 60_000,
      unknownModelIntervalMs: 5_000,
      timeoutMs: 5_000,
      ...options,
      onChange: () => this.#publish(),
    });
    this.#snapshot = this.#compose(1);
    this.#onSnapshot(1);
  }

  /** Rises with every snapshot; of this process alone. */
  get version(): number {
    return this.#snapshot.version;
  }

  /** Every known model, sorted by name. */
  list(): readonly Model[] {
    return [...this.#snapshot.models.values()];
  }

  status(): CatalogueStatus {
    const { upstream, models } = this.#snapshot;
    return { upstream, reason: this.#upstream.reason, models: models.size };
  }

  /** The model, without waiting for anything. */
  find(name: string): Model | undefined {
    const { models, withheld, upstream } = this.#snapshot;
    const known = models.get(name);
    if (known !== undefined || upstream !== 'passthrough' || withheld.has(name)) return known;
    return this.#upstream.passedThrough(name);
  }

  /** The model; an unknown name may first ask the upstream for its list again. Rejects with 404 or 503. */
  async resolve(name: string): Promise<Model> {
    const known = this.find(name);
    if (known !== undefined) return known;
    const reason = this.#snapshot.withheld.get(name);
    if (reason === null) throw modelNotFound(name);
    if (reason !== undefined) throw modelUnusable(name, reason);
    if (name.length <= MODEL_NAME_MAX) {
      await this.#upstream.refreshForUnknown();
      const found = this.find(name);
      if (found !== undefined) return found;
    }
    const { upstream } = this.#snapshot;
    if (upstream === 'pending' || upstream === 'unreachable')
      throw modelsUnavailable(this.#upstream.reason ?? 'the first answer has not come');
    throw modelNotFound(name.slice(0, MODEL_NAME_MAX));
  }

  /** Reads the upstream's list now; a reading under way is shared. Failures show in `status`. */
  refresh(): Promise<void> {
    return this.#upstream.refresh();
  }

  /** Puts other configured models in force, all of them at once. */
  configure(configured: ResolvedModels): void {
    this.#configured = configured;
    this.#publish();
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }

  #publish(): void {
    this.#snapshot = this.#compose(this.#snapshot.version + 1);
    this.#onSnapshot(this.#snapshot.version);
  }

  #compose(version: number): Snapshot {
    const { models: configured, withheld } = this.#configured;
    const listed = this.#upstream.models.filter(({ name }) => !withheld.has(name));
    const models = new Map([...listed, ...configured].map((model) => [model.name, model]));
    // Last, so that nobody can take the built-in names: they say what they are.
    for (const model of builtinModels(this.#openedSeconds)) models.set(model.name, model);
    const sorted = [...models].sort(([left], [right]) => (left < right ? -1 : 1));
    return { version, models: new Map(sorted), withheld, upstream: this.#upstream.state };
  }
}

/** Opens the catalogue and starts to read the upstream's list. */
export function openModelCatalogue(options: ModelCatalogueOptions): ModelCatalogue {
  return new ModelCatalogue(options);
}
