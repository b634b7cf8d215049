import type { JsonObject } from '../../field-checks.ts';
import { credentialOf } from '../ai-sdk/deployment-credential.ts';
import { always, asksForJsonObject, isAbove, isNot } from '../ai-sdk/refuse-fields.ts';
import type { SdkVendor } from '../ai-sdk/sdk-vendor.ts';

export const anthropicVendor: SdkVendor = {
  title: 'Anthropic',
  optionsName: 'anthropic',
  refuses: {
    seed: always,
    frequency_penalty: isNot(0),
    presence_penalty: isNot(0),
    temperature: isAbove(1),
    response_format: asksForJsonObject,
  },
  languageModel: async (deployment, fetch) => {
    const { baseUrl, apiKey } = credentialOf(deployment);
    const { createAnthropic } = await import('@ai-sdk/anthropic');
    return createAnthropic({ baseURL: baseUrl, apiKey, fetch }).languageModel(
      deployment.upstreamModel,
    );
  },
  chatOptions: (json) => ({ anthropic: { ...userOf(json), ...serialCalls(json) } }),
  readFailure: (answer) => answer,
};

function userOf({ user }: JsonObject) {
  return typeof user === 'string' ? { metadata: { userId: user } } : {};
}

function serialCalls(json: JsonObject) {
  return json['parallel_tool_calls'] === false ? { disableParallelToolUse: true } : {};
}
