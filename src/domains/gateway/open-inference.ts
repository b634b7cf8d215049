import type { ModelCatalogue } from '../models/index.ts';
import type { MeterServices } from './call-meter.ts';
import { InferenceService } from './inference-service.ts';
import { DEFAULT_TIMEOUTS, type UpstreamTimeouts } from './provider.ts';
import { UpstreamPools } from './providers/ai-sdk/upstream-pools.ts';
import { AnthropicProvider } from './providers/anthropic/anthropic-provider.ts';
import { azureProvider } from './providers/azure/azure-provider.ts';
import { bedrockProvider } from './providers/bedrock/bedrock-provider.ts';
import { BuiltinProvider } from './providers/builtin/builtin-provider.ts';
import { googleProvider } from './providers/google/google-provider.ts';
import { OpenAiCompatibleProvider } from './providers/openai-compatible/open-ai-compatible-provider.ts';

export interface InferenceOptions extends MeterServices {
  readonly catalogue: ModelCatalogue;
  readonly timeouts?: Partial<UpstreamTimeouts>;
}

export interface OpenedInference {
  readonly inference: InferenceService;
  /** Ends every upstream connection; call it when no request is being answered any more. */
  close(): Promise<void>;
}

/** Puts the providers behind one service. */
export function openInference(options: InferenceOptions): OpenedInference {
  const { catalogue, recorder, metrics, clock, log } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const pooled = { timeouts, clock, pools: new UpstreamPools(timeouts) };
  const providers = {
    builtin: new BuiltinProvider({ clock }),
    'openai-compatible': new OpenAiCompatibleProvider({ timeouts, clock }),
    azure: azureProvider({ timeouts, clock }),
    anthropic: new AnthropicProvider(pooled),
    google: googleProvider(pooled),
    bedrock: bedrockProvider(pooled),
  };
  const inference = new InferenceService({
    catalogue,
    recorder,
    metrics,
    clock,
    log,
    providers,
    timeouts,
    random: Math.random,
  });
  return {
    inference,
    close: async () => {
      await Promise.all(Object.values(providers).map((provider) => provider.close()));
    },
  };
}
