import type { Deployment } from '../../../models/index.ts';
import type { JsonObject } from '../../field-checks.ts';
import { endpointOf, noCredential } from '../ai-sdk/deployment-credential.ts';
import { always, asksForJsonObject, isAbove, isExactly, isNot } from '../ai-sdk/refuse-fields.ts';
import type { SdkFetch, SdkVendor } from '../ai-sdk/sdk-vendor.ts';

export const bedrockVendor: SdkVendor = {
  title: 'Amazon Bedrock',
  optionsName: 'amazonBedrock',
  refuses: {
    seed: always,
    frequency_penalty: isNot(0),
    presence_penalty: isNot(0),
    temperature: isAbove(1),
    parallel_tool_calls: isExactly(false),
    response_format: asksForJsonObject,
  },
  languageModel: async (deployment, fetch) => {
    const bedrock = await open(deployment, fetch);
    return bedrock.languageModel(deployment.upstreamModel);
  },
  embeddingModel: async (deployment, fetch) => {
    const bedrock = await open(deployment, fetch);
    return bedrock.embeddingModel(deployment.upstreamModel);
  },
  chatOptions: () => ({}),
  embeddingOptions: (json, upstreamModel) => ({ amazonBedrock: sizes(json, upstreamModel) }),
  readFailure: (answer) => answer,
};

async function open(deployment: Deployment, fetch: SdkFetch) {
  const { createAmazonBedrock } = await import('@ai-sdk/amazon-bedrock');
  const { baseUrl, apiKey = '', aws } = endpointOf(deployment);
  if (aws === undefined) throw new Error(`the deployment ${deployment.name} names no AWS region`);
  const { region, accessKeyId, secretAccessKey, sessionToken } = aws;
  const signed = accessKeyId !== undefined && secretAccessKey !== undefined;
  if (!signed && apiKey === '') throw noCredential(deployment);
  // An empty key, not none: without one the SDK would look for a key in the environment.
  const credential = signed
    ? { accessKeyId, secretAccessKey, sessionToken, apiKey: '' }
    : { apiKey };
  return createAmazonBedrock({ baseURL: baseUrl, region, fetch, ...credential });
}

/** Each family of embedding models has its own name for the same number. */
function sizes({ dimensions }: JsonObject, upstreamModel: string) {
  if (typeof dimensions !== 'number') return {};
  if (upstreamModel.includes('amazon.nova-')) return { embeddingDimension: dimensions };
  if (upstreamModel.includes('cohere.embed-')) return { outputDimension: dimensions };
  return { dimensions };
}
