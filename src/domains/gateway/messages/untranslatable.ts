import { gatewayError } from '../errors.ts';
import type { JsonObject } from '../field-checks.ts';

/** The 400 for what only a model behind Anthropic's own API can be asked. */
export function untranslatable(param: string, what: string): Error {
  return gatewayError('unsupported_parameter', {
    message: `Unsupported parameter: '${param}': the provider of this model cannot take ${what}.`,
    param,
  });
}

/** For a block or tool of a type that has no counterpart. */
export function unknownType(param: string, { type }: JsonObject): Error {
  return untranslatable(`${param}.type`, `'${String(type)}'`);
}
