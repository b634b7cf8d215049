import {
  BUILTIN_CHAT_MODEL,
  BUILTIN_DEPLOYMENT,
  BUILTIN_EMBEDDING_MODEL,
  BUILTIN_OWNER,
} from './builtin-models.ts';

/** One OpenAI-compatible API that this installation may call. */
export interface UpstreamEndpoint {
  /** With the version segment, without a slash at the end: `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** Undefined for local servers that ask for none. */
  readonly apiKey?: string;
}

/** One callable place that serves a model. */
export interface Deployment {
  /** Names it in records, metrics and the `x-llamp-deployment` header. */
  readonly name: string;
  readonly provider: 'builtin' | 'openai-compatible';
  /** What the place itself calls the model. */
  readonly upstreamModel: string;
  readonly endpoint?: UpstreamEndpoint;
}

export interface Model {
  readonly name: string;
  /** Unix seconds, whole. */
  readonly created: number;
  readonly ownedBy: string;
  /** In the order of preference; never empty. */
  readonly deployments: readonly Deployment[];
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
  return [BUILTIN_CHAT_MODEL, BUILTIN_EMBEDDING_MODEL].map((name) => ({
    name,
    created,
    ownedBy: BUILTIN_OWNER,
    deployments: [{ name: BUILTIN_DEPLOYMENT, provider: 'builtin', upstreamModel: name }],
    label: name,
  }));
}
