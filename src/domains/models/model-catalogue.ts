import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import { modelNotFound, modelsUnavailable } from './errors.ts';
import {
  builtinModels,
  type Deployment,
  ENDPOINTS,
  type Endpoint,
  type Model,
  plainRouting,
  type UpstreamEndpoint,
} from './model.ts';
import {
  type ListedModel,
  type ModelListAnswer,
  type ModelListReader,
  modelListReader,
  statusError,
} from './upstream-model-list.ts';

export interface ModelCatalogueOptions {
  /** Undefined when none is configured: the built-in models remain. */
  readonly upstream?: UpstreamEndpoint;
  readonly clock: Clock;
  readonly log: Log;
  /** Default 60 000, with 10 % jitter. */
  readonly refreshIntervalMs?: number;
  /** An unknown name asks the upstream again at most this often. Default 5 000. */
  readonly unknownModelIntervalMs?: number;
  /** Default 5 000. */
  readonly timeoutMs?: number;
}

/** For health checks. */
export interface CatalogueStatus {
  readonly upstream: 'none' | 'pending' | 'listed' | 'passthrough' | 'unreachable';
  /** Why the last reading failed, for people. */
  readonly reason: string | undefined;
  readonly models: number;
}

const UPSTREAM_DEPLOYMENT = 'upstream';
const UPSTREAM_SERVES: ReadonlySet<Endpoint> = new Set(ENDPOINTS);
const PASSTHROUGH_LABEL = 'passthrough';
const BACKOFF_FIRST_MS = 1_000;
const MODEL_NAME_MAX = 256;

/** Everything that a lookup needs; replaced as a whole, never changed. */
interface Snapshot {
  readonly models: ReadonlyMap<string, Model>;
  readonly upstream: CatalogueStatus['upstream'];
}

/**
 * Model name to deployments, in memory. Lookups see one snapshot or the next, never a mixture. The reading of the
 * upstream's list starts at once and goes on in the background; opening does not wait for it.
 */
export class ModelCatalogue {
  readonly #options: ModelCatalogueOptions;
  readonly #reader: ModelListReader | undefined;
  readonly #openedSeconds: number;
  readonly #closing = new AbortController();
  readonly #refresher: Promise<void>;
  #snapshot: Snapshot;
  #reading: Promise<void> | undefined;
  #lastReadMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #reason: string | undefined;

  constructor(options: ModelCatalogueOptions) {
    this.#options = options;
    this.#openedSeconds = Math.floor(options.clock.now().getTime() / 1000);
    this.#reader = options.upstream && modelListReader(options.upstream, options.timeoutMs ?? 5000);
    this.#snapshot = this.#snapshotOf([], options.upstream ? 'pending' : 'none');
    this.#refresher = this.#refreshUntilClosed();
  }

  /** Every known model, sorted by name. */
  list(): readonly Model[] {
    return [...this.#snapshot.models.values()];
  }

  status(): CatalogueStatus {
    const { upstream, models } = this.#snapshot;
    return { upstream, reason: this.#reason, models: models.size };
  }

  /** The model, without waiting for anything. */
  find(name: string): Model | undefined {
    const known = this.#snapshot.models.get(name);
    if (known !== undefined || this.#snapshot.upstream !== 'passthrough') return known;
    return this.#passedThrough(name);
  }

  /** The model; an unknown name may first ask the upstream for its list again. Rejects with 404 or 503. */
  async resolve(name: string): Promise<Model> {
    const known = this.find(name);
    if (known !== undefined) return known;
    if (this.#reader !== undefined && name.length <= MODEL_NAME_MAX) {
      await this.#refreshForUnknown();
      const found = this.find(name);
      if (found !== undefined) return found;
    }
    const { upstream } = this.#snapshot;
    if (upstream === 'pending' || upstream === 'unreachable')
      throw modelsUnavailable(this.#reason ?? 'the first answer has not come');
    throw modelNotFound(name.slice(0, MODEL_NAME_MAX));
  }

  /** Reads the upstream's list now; a reading under way is shared. Failures show in `status`. */
  async refresh(): Promise<void> {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reading ??= this.#read(reader).finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#refresher;
    await this.#reading;
    await this.#reader?.close();
  }

  async #refreshForUnknown(): Promise<void> {
    const intervalMs = this.#options.unknownModelIntervalMs ?? 5_000;
    const recent = this.#options.clock.monotonicMs() - this.#lastReadMs < intervalMs;
    if (this.#reading !== undefined || !recent) await this.refresh();
  }

  async #refreshUntilClosed(): Promise<void> {
    if (this.#reader === undefined) return;
    const { clock } = this.#options;
    const intervalMs = this.#options.refreshIntervalMs ?? 60_000;
    while (!this.#closing.signal.aborted) {
      await this.refresh();
      const backoffMs = BACKOFF_FIRST_MS * 2 ** Math.min(this.#failures - 1, 10);
      const pauseMs = this.#failures === 0 ? intervalMs : Math.min(backoffMs, intervalMs);
      // Jitter keeps the instances of one installation from asking in step.
      const jitteredMs = pauseMs * (0.9 + 0.2 * Math.random());
      await clock.sleep(jitteredMs, this.#closing.signal).catch(() => undefined);
    }
  }

  async #read(reader: ModelListReader): Promise<void> {
    this.#lastReadMs = this.#options.clock.monotonicMs();
    try {
      this.#accept(await reader.read(this.#closing.signal));
      this.#failures = 0;
      this.#reason = undefined;
    } catch (error) {
      this.#failures += 1;
      this.#reason = sentenceOf(error);
      // What was known before still holds: an upstream that is away must not make its models vanish.
      if (this.#snapshot.upstream === 'pending')
        this.#snapshot = { ...this.#snapshot, upstream: 'unreachable' };
      if (this.#failures === 1 && !this.#closing.signal.aborted)
        this.#options.log.warn({ reason: this.#reason }, 'the models of the upstream are unknown');
    }
  }

  #accept(answer: ModelListAnswer): void {
    if (answer.kind === 'listed') {
      this.#snapshot = this.#snapshotOf(answer.models, 'listed');
      return;
    }
    // An upstream that has listed its models before has a list; refusing it now is a failure like any other.
    if (this.#snapshot.upstream === 'listed') throw statusError(answer.status);
    this.#snapshot = this.#snapshotOf([], 'passthrough');
  }

  #snapshotOf(listed: readonly ListedModel[], upstream: Snapshot['upstream']): Snapshot {
    const models = new Map(listed.map((model) => [model.name, this.#served(model, model.name)]));
    // Last, so that an upstream cannot take the built-in names: they say what they are.
    for (const model of builtinModels(this.#openedSeconds)) models.set(model.name, model);
    const sorted = [...models].sort(([left], [right]) => (left < right ? -1 : 1));
    return { models: new Map(sorted), upstream };
  }

  #passedThrough(name: string): Model | undefined {
    const usable = name.length <= MODEL_NAME_MAX && name.isWellFormed() && !/\p{Cc}/u.test(name);
    if (!usable) return undefined;
    return this.#served({ name, created: undefined, ownedBy: undefined }, PASSTHROUGH_LABEL);
  }

  #served(model: ListedModel, label: string): Model {
    const deployment: Deployment = {
      id: UPSTREAM_DEPLOYMENT,
      name: UPSTREAM_DEPLOYMENT,
      provider: 'openai-compatible',
      credentialId: UPSTREAM_DEPLOYMENT,
      upstreamModel: model.name,
      endpoint: this.#options.upstream,
      // What it can do it says itself: its list of models does not tell.
      serves: UPSTREAM_SERVES,
      weight: 1,
      tier: 0,
    };
    return {
      name: model.name,
      created: model.created ?? this.#openedSeconds,
      ownedBy: model.ownedBy ?? UPSTREAM_DEPLOYMENT,
      ...plainRouting([deployment]),
      label,
    };
  }
}

/** Opens the catalogue and starts to read the upstream's list. */
export function openModelCatalogue(options: ModelCatalogueOptions): ModelCatalogue {
  return new ModelCatalogue(options);
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'the upstream did not answer GET /models in time';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code === undefined ? error.message : `the upstream cannot be reached (${code})`;
}
