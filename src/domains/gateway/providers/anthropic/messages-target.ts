import type { UpstreamEndpoint } from '../../../models/index.ts';
import type { UpstreamRequest } from '../../provider.ts';
import {
  OPENAI_PATHS,
  type UpstreamTarget,
} from '../openai-compatible/open-ai-compatible-provider.ts';

export const ANTHROPIC_VERSION = '2023-06-01';

/** Anthropic's own dialect: the client's bytes, its version and its betas, our credential. */
export function messagesTarget(
  request: UpstreamRequest,
  endpoint: UpstreamEndpoint,
): UpstreamTarget {
  const headers: Record<string, string> = {
    'anthropic-version': request.headers?.['anthropic-version'] ?? ANTHROPIC_VERSION,
  };
  const beta = request.headers?.['anthropic-beta'];
  if (beta !== undefined) headers['anthropic-beta'] = beta;
  if (endpoint.apiKey !== undefined) headers['x-api-key'] = endpoint.apiKey;
  return { url: endpoint.baseUrl + OPENAI_PATHS[request.endpoint], headers };
}
