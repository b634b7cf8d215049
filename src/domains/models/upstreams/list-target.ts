import type { UpstreamEndpoint } from '../model.ts';
import type { ConfigurableKind } from '../schemas.ts';
import type { AskTarget } from './ask-upstream.ts';
import { signedHeaders } from './aws-signature.ts';

const ANTHROPIC_VERSION = '2023-06-01';

/** The request that lists an upstream's models: it costs nothing and needs a right credential. */
export function listTarget(
  kind: ConfigurableKind,
  endpoint: UpstreamEndpoint,
  now: Date,
): AskTarget {
  const { baseUrl, apiKey } = endpoint;
  const withKey = (header: string, prefix = ''): Record<string, string> =>
    apiKey === undefined ? {} : { [header]: prefix + apiKey };
  switch (kind) {
    case 'openai-compatible':
      return { url: new URL(`${baseUrl}/models`), headers: withKey('authorization', 'Bearer ') };
    case 'anthropic':
      return {
        url: new URL(`${baseUrl}/models`),
        headers: { ...withKey('x-api-key'), 'anthropic-version': ANTHROPIC_VERSION },
      };
    case 'google':
      return { url: new URL(`${baseUrl}/models`), headers: withKey('x-goog-api-key') };
    case 'azure':
      return { url: azureUrl(endpoint), headers: withKey('api-key') };
    case 'bedrock':
      return bedrockTarget(endpoint, now);
  }
}

function azureUrl({ baseUrl, apiVersion = 'v1' }: UpstreamEndpoint): URL {
  const resource = baseUrl.replace(/\/openai(\/v1)?$/, '');
  if (apiVersion === 'v1') return new URL(`${resource}/openai/v1/models`);
  const query = `?api-version=${encodeURIComponent(apiVersion)}`;
  const path = apiVersion === 'preview' ? '/openai/v1/models' : '/openai/models';
  return new URL(`${resource}${path}${query}`);
}

/** Bedrock lists its models on another host than it serves them. */
function bedrockTarget(endpoint: UpstreamEndpoint, now: Date): AskTarget {
  const { baseUrl, apiKey, aws } = endpoint;
  const url = new URL('/foundation-models', baseUrl.replace('//bedrock-runtime.', '//bedrock.'));
  if (apiKey !== undefined) return { url, headers: { authorization: `Bearer ${apiKey}` } };
  const { region = '', accessKeyId, secretAccessKey, sessionToken } = aws ?? {};
  if (accessKeyId === undefined || secretAccessKey === undefined) return { url, headers: {} };
  const credential = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  return { url, headers: signedHeaders({ url, service: 'bedrock', region, now }, credential) };
}
