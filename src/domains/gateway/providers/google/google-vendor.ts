import type { JsonObject } from '../../field-checks.ts';
import { credentialOf } from '../ai-sdk/deployment-credential.ts';
import { isExactly } from '../ai-sdk/refuse-fields.ts';
import type { SdkVendor } from '../ai-sdk/sdk-vendor.ts';
import { readGoogleFailure } from './google-failure.ts';

export const googleVendor: SdkVendor = {
  title: 'Google',
  optionsName: 'google',
  refuses: { parallel_tool_calls: isExactly(false) },
  languageModel: async (deployment, fetch) => {
    const google = await open(credentialOf(deployment), fetch);
    return google.languageModel(deployment.upstreamModel);
  },
  embeddingModel: async (deployment, fetch) => {
    const google = await open(credentialOf(deployment), fetch);
    return google.embeddingModel(deployment.upstreamModel);
  },
  chatOptions: (json) => ({ google: thoughts(json) }),
  readFailure: readGoogleFailure,
};

async function open(
  { baseUrl, apiKey }: { baseUrl: string; apiKey: string },
  fetch: typeof globalThis.fetch,
) {
  const { createGoogle } = await import('@ai-sdk/google');
  return createGoogle({ baseURL: baseUrl, apiKey, fetch });
}

/** Who asks for reasoning wants to see it; Google keeps it to itself unless told. */
function thoughts(json: JsonObject) {
  const effort = json['reasoning_effort'];
  if (typeof effort !== 'string' || effort === 'none') return {};
  return { thinkingConfig: { includeThoughts: true } };
}
