import { OutboundGuard } from '../../lib/outbound-guard/index.ts';
import type { EphemeralStore } from '../../ports/ephemeral-store.ts';
import type { PriceBook } from '../usage/index.ts';
import { guardedInference, type Guardrails } from './guardrails/guarded-inference.ts';
import type { MeterServices } from './call-meter.ts';
import { InferenceService, type InferenceServices } from './inference-service.ts';
import { DEFAULT_TIMEOUTS, type UpstreamTimeouts } from './provider.ts';
import { AnthropicProvider } from './providers/anthropic/anthropic-provider.ts';
import { azureProvider } from './providers/azure/azure-provider.ts';
import { bedrockProvider } from './providers/bedrock/bedrock-provider.ts';
import { BuiltinProvider } from './providers/builtin/builtin-provider.ts';
import { googleProvider } from './providers/google/google-provider.ts';
import { OpenAiCompatibleProvider } from './providers/openai-compatible/open-ai-compatible-provider.ts';
import { UpstreamPools } from './providers/openai-compatible/upstream-pools.ts';
import { RelayService } from './relay/relay-service.ts';
import { cachedInference, type Inference } from './response-cache/cached-inference.ts';
import { hitMeter } from './response-cache/meter-hit.ts';
import { ResponseCache, type ResponseCacheOptions } from './response-cache/response-cache.ts';
import { type LimitEnforcer, NO_LIMITS } from './routing/admission.ts';
import { CallRouter, type DeploymentCost } from './routing/call-router.ts';
import { DeploymentHealth } from './routing/deployment-health.ts';
import { HealthExchange } from './routing/health-exchange.ts';
import { observeHealth } from './routing/observe-health.ts';
import type { CallCatalogue } from './routing/routed-call.ts';

export interface InferenceOptions extends MeterServices {
  readonly catalogue: CallCatalogue;
  readonly timeouts?: Partial<UpstreamTimeouts>;
  /** Shares the health of deployments between instances; without it each finds out by itself. */
  readonly ephemeral?: EphemeralStore;
  /** For calls whose client names no time of its own; without it they are not cached. */
  readonly defaultCacheTtlSeconds?: ResponseCacheOptions['defaultTtlSeconds'];
  /** Default: no guardrails. */
  readonly guardrails?: Guardrails;
  /** For endpoints that users set. Default: one that allows no inner place. */
  readonly guard?: OutboundGuard;
  /** Default: no limits. */
  readonly limits?: LimitEnforcer;
}

export interface OpenedInference {
  readonly inference: InferenceService;
  /** The same with guardrails and the response cache in front, for clients. */
  readonly clientInference: Inference;
  /** Calls whose bodies and answers pass through. */
  readonly relays: RelayService;
  /** Health and load of each deployment, for the management API. */
  readonly router: CallRouter;
  /** Ends every upstream connection; call it when no request is being answered any more. */
  close(): Promise<void>;
}

// As much answered as asked: only the order of deployments matters.
const COMPARED = { promptTokens: 1_000_000, completionTokens: 1_000_000 };

const deploymentCost =
  (prices: PriceBook): DeploymentCost =>
  ({ name }, model) =>
    prices.costMicros(model.name, COMPARED, name).costMicros ?? undefined;

/** Puts the providers behind one service. */
export function openInference(options: InferenceOptions): OpenedInference {
  const { catalogue, recorder, metrics, clock, log, ephemeral } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const { guard = new OutboundGuard({ allow: [] }) } = options;
  const pooled = { timeouts, clock, guard, pools: new UpstreamPools(timeouts, guard) };
  const providers = {
    builtin: new BuiltinProvider({ clock }),
    'openai-compatible': new OpenAiCompatibleProvider({ timeouts, clock, guard }),
    azure: azureProvider({ timeouts, clock, guard }),
    anthropic: new AnthropicProvider(pooled),
    google: googleProvider(pooled),
    bedrock: bedrockProvider(pooled),
  };
  const health = new DeploymentHealth({ clock, log });
  const exchange = ephemeral && new HealthExchange({ store: ephemeral, health, clock, log });
  const random = Math.random;
  const cost = options.prices && deploymentCost(options.prices);
  const router = new CallRouter({ catalogue, health, clock, random, cost });
  observeHealth(router, metrics);
  const services: InferenceServices = {
    catalogue,
    recorder,
    metrics,
    clock,
    log,
    prices: options.prices,
    limits: options.limits ?? NO_LIMITS,
    router,
    providers,
    timeouts,
    random,
  };
  const inference = new InferenceService(services);
  const defaultTtlSeconds = options.defaultCacheTtlSeconds;
  const cache = ephemeral && new ResponseCache({ store: ephemeral, clock, log, defaultTtlSeconds });
  const cached = cache ? cachedInference(inference, cache, hitMeter(services)) : inference;
  const { guardrails } = options;
  return {
    inference,
    clientInference: guardrails ? guardedInference(cached, guardrails) : cached,
    relays: new RelayService(services),
    router,
    close: async () => {
      await exchange?.close();
      await Promise.all(Object.values(providers).map((provider) => provider.close()));
    },
  };
}
