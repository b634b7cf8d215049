import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  type Deployment,
  ENDPOINTS,
  type Endpoint,
  type Model,
  plainRouting,
  type UpstreamEndpoint,
} from './model.ts';
import { MODEL_NAME_MAX } from './schemas.ts';
import {
  type ListedModel,
  type ModelListAnswer,
  type ModelListReader,
  modelListReader,
  statusError,
} from './upstream-model-list.ts';

export type UpstreamState = 'none' | 'pending' | 'listed' | 'passthrough' | 'unreachable';

export interface UpstreamModelsOptions {
  /** Undefined when none is configured. */
  readonly upstream?: UpstreamEndpoint;
  readonly clock: Clock;
  readonly log: Log;
  readonly refreshIntervalMs: number;
  readonly unknownModelIntervalMs: number;
  readonly timeoutMs: number;
  /** Called when the list or its state is another one. */
  readonly onChange: () => void;
}

const UPSTREAM_DEPLOYMENT = 'upstream';
// Messages are Anthropic's: OpenAI's API has none, and chat completions can stand in for them.
const UPSTREAM_SERVES: ReadonlySet<Endpoint> = new Set(
  ENDPOINTS.filter((endpoint) => endpoint !== 'messages'),
);
const PASSTHROUGH_LABEL = 'passthrough';
const BACKOFF_FIRST_MS = 1_000;

/**
 * The models that the upstream of the environment lists. The reading starts at once and goes on in the background;
 * nothing waits for it.
 */
export class UpstreamModels {
  readonly #options: UpstreamModelsOptions;
  readonly #reader: ModelListReader | undefined;
  readonly #openedSeconds: number;
  readonly #closing = new AbortController();
  readonly #refresher: Promise<void>;
  #models: readonly Model[] = [];
  #state: UpstreamState;
  #reading: Promise<void> | undefined;
  #lastReadMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #reason: string | undefined;

  constructor(options: UpstreamModelsOptions) {
    this.#options = options;
    this.#openedSeconds = Math.floor(options.clock.now().getTime() / 1000);
    this.#reader = options.upstream && modelListReader(options.upstream, options.timeoutMs);
    this.#state = options.upstream ? 'pending' : 'none';
    this.#refresher = this.#refreshUntilClosed();
  }

  get models(): readonly Model[] {
    return this.#models;
  }

  get state(): UpstreamState {
    return this.#state;
  }

  /** Why the last reading failed, for people. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** A model for a name that an upstream without a list may know. */
  passedThrough(name: string): Model | undefined {
    const usable = name.length <= MODEL_NAME_MAX && name.isWellFormed() && !/\p{Cc}/u.test(name);
    if (!usable) return undefined;
    return this.#served({ name, created: undefined, ownedBy: undefined }, PASSTHROUGH_LABEL);
  }

  /** Reads the list now; a reading under way is shared. Failures show in `reason`. */
  async refresh(): Promise<void> {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reading ??= this.#read(reader).finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  /** Reads the list for a name that is not in it, unless that was done a moment ago. */
  async refreshForUnknown(): Promise<void> {
    const { clock, unknownModelIntervalMs } = this.#options;
    const recent = clock.monotonicMs() - this.#lastReadMs < unknownModelIntervalMs;
    if (this.#reading !== undefined || !recent) await this.refresh();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#refresher;
    await this.#reading;
    await this.#reader?.close();
  }

  async #refreshUntilClosed(): Promise<void> {
    if (this.#reader === undefined) return;
    const { clock, refreshIntervalMs } = this.#options;
    while (!this.#closing.signal.aborted) {
      await this.refresh();
      const backoffMs = BACKOFF_FIRST_MS * 2 ** Math.min(this.#failures - 1, 10);
      const pauseMs =
        this.#failures === 0 ? refreshIntervalMs : Math.min(backoffMs, refreshIntervalMs);
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
      if (this.#state === 'pending') this.#change(this.#models, 'unreachable');
      if (this.#failures === 1 && !this.#closing.signal.aborted)
        this.#options.log.warn({ reason: this.#reason }, 'the models of the upstream are unknown');
    }
  }

  #accept(answer: ModelListAnswer): void {
    if (answer.kind === 'listed') {
      this.#change(
        answer.models.map((model) => this.#served(model, model.name)),
        'listed',
      );
      return;
    }
    // An upstream that has listed its models before has a list; refusing it now is a failure like any other.
    if (this.#state === 'listed') throw statusError(answer.status);
    this.#change([], 'passthrough');
  }

  #change(models: readonly Model[], state: UpstreamState): void {
    const isSame = state === this.#state && sameModels(models, this.#models);
    if (isSame) return;
    this.#models = models;
    this.#state = state;
    this.#options.onChange();
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

function sameModels(left: readonly Model[], right: readonly Model[]): boolean {
  if (left.length !== right.length) return false;
  return left.every((model, index) => {
    const other = right[index];
    return (
      model.name === other?.name &&
      model.created === other.created &&
      model.ownedBy === other.ownedBy
    );
  });
}

/** Why a request to an upstream failed, for people. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'the upstream did not answer GET /models in time';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code === undefined ? error.message : `the upstream cannot be reached (${code})`;
}
