import {
  BUILTIN_CHAT_MODEL,
  BUILTIN_DEPLOYMENT,
  BUILTIN_EMBEDDING_MODEL,
  BUILTIN_OWNER,
} from './builtin-models.ts';

/** API dialects. Ollama, vLLM, LM Studio and llama.cpp speak `openai-compatible`. */
export const PROVIDERS = [
  'builtin',
  'openai-compatible',
  'azure',
  'anthropic',
  'google',
  'bedrock',
] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/** What a deployment can be asked for; the names are those of usage records and metrics. */
export const ENDPOINTS = [
  'chat.completions',
  'completions',
  'embeddings',
  'messages',
  'rerank',
  'moderations',
  'images.generations',
  'images.edits',
  'audio.speech',
  'audio.transcriptions',
  'audio.translations',
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** An API that this installation may call, with its credential in plain text: it exists in memory only. */
export interface UpstreamEndpoint {
  /** With the version segment, without a slash at the end: `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** Undefined for local servers that ask for none. */
  readonly apiKey?: string;
  /** Set through the API and not by the operator, so it may lead to no inner place that is not allowed. */
  readonly isUserSet?: boolean;
  /** Azure only: `api-version` of the query string. */
  readonly apiVersion?: string;
  /** Bedrock only; without keys `apiKey` is a Bedrock API key. */
  readonly aws?: {
    readonly region: string;
    readonly accessKeyId?: string;
    readonly secretAccessKey?: string;
    readonly sessionToken?: string;
  };
}

/** One callable place that serves a model. */
export interface Deployment {
  /** Stable for the life of the deployment; its health and its limits are counted under it. */
  readonly id: string;
  /** Names it in records, metrics and the `x-llamp-deployment` header. */
  readonly name: string;
  readonly provider: ProviderName;
  /** Deployments with the same id share one credential: one that is refused is refused for all of them. */
  readonly credentialId: string;
  /** What the place itself calls the model. */
  readonly upstreamModel: string;
  readonly endpoint?: UpstreamEndpoint;
  /** What it serves; a call for anything else is a 400. */
  readonly serves: ReadonlySet<Endpoint>;
  /** Share of the traffic among the deployments of its tier; 0 to 1000. */
  readonly weight: number;
  /** Tried in ascending order: a higher tier gets traffic only while every lower one is out. */
  readonly tier: number;
}

export const ROUTING_STRATEGIES = [
  'weighted',
  'ordered',
  'least-busy',
  'lowest-latency',
  'lowest-cost',
] as const;
export type RoutingStrategy = (typeof ROUTING_STRATEGIES)[number];

export interface Model {
  readonly name: string;
  /** Unix seconds, whole. */
  readonly created: number;
  readonly ownedBy: string;
  /** In the order of configuration; never empty. */
  readonly deployments: readonly Deployment[];
  /** How one of a tier is chosen. */
  readonly strategy: RoutingStrategy;
  /** Keep a conversation on one deployment while it is healthy. */
  readonly affinity: boolean;
  /** Names of models to try, in order, when every deployment of this one failed. */
  readonly fallbacks: readonly string[];
  /** Label for metrics: bounded even where the upstream cannot list its names. */
  readonly label: string;
}

/** The models object of the OpenAI API. */
export function modelObject(model: Model) {
  return {
    id: model.name,
    object: 'model' as const,
    created: model.created,
    owned_by: model.ownedBy,
  };
}

export function builtinModels(created: number): Model[] {
  return [
    builtinModel(BUILTIN_CHAT_MODEL, ['chat.completions', 'completions'], created),
    builtinModel(BUILTIN_EMBEDDING_MODEL, ['embeddings'], created),
  ];
}

function builtinModel(name: string, serves: readonly Endpoint[], created: number): Model {
  const deployment: Deployment = {
    id: BUILTIN_DEPLOYMENT,
    name: BUILTIN_DEPLOYMENT,
    provider: 'builtin',
    credentialId: BUILTIN_DEPLOYMENT,
    upstreamModel: name,
    serves: new Set(serves),
    weight: 1,
    tier: 0,
  };
  return { name, created, ownedBy: BUILTIN_OWNER, ...plainRouting([deployment]), label: name };
}

/** A model's routing where nothing is configured. */
export function plainRouting(deployments: readonly Deployment[]) {
  return { deployments, strategy: 'ordered' as const, affinity: false, fallbacks: [] };
}
