import { gatewayError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import type { SdkVendor } from './sdk-vendor.ts';

export const always = () => true;
export const isNot = (expected: unknown) => (value: unknown) => value !== expected;
export const isExactly = (refused: unknown) => (value: unknown) => value === refused;
export const isAbove = (max: number) => (value: unknown) =>
  typeof value === 'number' && value > max;
export const asksForJsonObject = (value: unknown) =>
  isJsonObject(value) && value['type'] === 'json_object';

// Null is how clients write "not set".
const notEmpty = (value: unknown) => isJsonObject(value) && Object.keys(value).length > 0;
const notOnlyText = (value: unknown) =>
  !Array.isArray(value) || value.some((modality) => modality !== 'text');

/** What none of the vendors behind an SDK can express. */
const REFUSED_BY_ALL: SdkVendor['refuses'] = {
  n: isNot(1),
  logprobs: isExactly(true),
  top_logprobs: isNot(0),
  logit_bias: notEmpty,
  modalities: notOnlyText,
  audio: always,
  prediction: always,
  web_search_options: always,
  functions: always,
  function_call: always,
};

/** Throws the 400 that names the first field which would have to be dropped. */
export function refuseUnsupported(json: JsonObject, vendor: SdkVendor): void {
  const refuses = { ...REFUSED_BY_ALL, ...vendor.refuses };
  for (const param in refuses) {
    const value = json[param];
    if (value === undefined || value === null || refuses[param]?.(value) !== true) continue;
    throw unsupported(param, vendor.title);
  }
}

export function unsupported(param: string, title: string, detail = 'this value'): Error {
  return gatewayError('unsupported_parameter', {
    message: `Unsupported parameter: '${param}': ${title} cannot express ${detail}.`,
    param,
  });
}
