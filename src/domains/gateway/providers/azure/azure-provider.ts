import type { UpstreamEndpoint } from '../../../models/index.ts';
import type { Provider, UpstreamRequest } from '../../provider.ts';
import {
  OPENAI_PATHS,
  OpenAiCompatibleProvider,
  type OpenAiCompatibleOptions,
  type UpstreamTarget,
} from '../openai-compatible/open-ai-compatible-provider.ts';

/** Azure speaks OpenAI's dialect at addresses of its own, so its bytes pass through as OpenAI's do. */
export function azureProvider(options: Omit<OpenAiCompatibleOptions, 'target'>): Provider {
  return new OpenAiCompatibleProvider({ ...options, target: azureTarget });
}

const V1 = 'v1';
const V1_PREVIEW = 'preview';

/**
 * The address of a deployment. `baseUrl` is the resource (`https://<name>.openai.azure.com`), with or without the
 * `/openai` or `/openai/v1` that the portal shows. Dated versions name the deployment in the path; `v1` and `preview`,
 * which are the default, in the body.
 */
export function azureTarget(request: UpstreamRequest, endpoint: UpstreamEndpoint): UpstreamTarget {
  const resource = endpoint.baseUrl.replace(/\/openai(\/v1)?\/?$/, '');
  const path = OPENAI_PATHS[request.endpoint];
  const headers: Record<string, string> =
    endpoint.apiKey === undefined ? {} : { 'api-key': endpoint.apiKey };
  const version = endpoint.apiVersion ?? V1;
  if (version === V1) return { url: `${resource}/openai/v1${path}`, headers };
  const query = `?api-version=${encodeURIComponent(version)}`;
  if (version === V1_PREVIEW) return { url: `${resource}/openai/v1${path}${query}`, headers };
  const deployment = encodeURIComponent(request.deployment.upstreamModel);
  return { url: `${resource}/openai/deployments/${deployment}${path}${query}`, headers };
}
