import { gatewayError, invalidValue } from './errors.ts';

export type JsonObject = { readonly [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks one present value; throws the 400 that names `param`. */
export type Check = (value: unknown, param: string) => void;

/**
 * Checks the known fields of `object`. Absent ones and nulls are fine (clients send null for "not set"); fields that
 * are not in the table are the upstream's business.
 */
export function checkFields(
  object: JsonObject,
  checks: Readonly<Record<string, Check>>,
  prefix = '',
): void {
  for (const key in checks) {
    const value = object[key];
    if (value !== undefined && value !== null) checks[key]?.(value, prefix + key);
  }
}

export function requireField(object: JsonObject, key: string, prefix = ''): unknown {
  const value = object[key];
  if (value !== undefined && value !== null) return value;
  throw gatewayError('missing_required_parameter', {
    message: `Missing required parameter: '${prefix}${key}'.`,
    param: prefix + key,
  });
}

export const number =
  (min: number, max: number): Check =>
  (value, param) => {
    if (typeof value !== 'number' || !(value >= min && value <= max))
      throw invalidValue(param, `expected a number from ${min} to ${max}`);
  };

export const integer =
  (min: number, max: number): Check =>
  (value, param) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      throw invalidValue(param, `expected a whole number from ${min} to ${max}`);
  };

export const boolean: Check = (value, param) => {
  if (typeof value !== 'boolean') throw invalidValue(param, 'expected true or false');
};

export const string: Check = (value, param) => {
  if (typeof value !== 'string') throw invalidValue(param, 'expected a string');
};

export const object: Check = (value, param) => {
  if (!isJsonObject(value)) throw invalidValue(param, 'expected an object');
};

export const oneOf =
  (...allowed: readonly string[]): Check =>
  (value, param) => {
    if (typeof value !== 'string' || !allowed.includes(value))
      throw invalidValue(param, `expected one of ${allowed.map((name) => `'${name}'`).join(', ')}`);
  };

export const arrayOf =
  (check: Check, maxItems: number): Check =>
  (value, param) => {
    if (!Array.isArray(value)) throw invalidValue(param, 'expected an array');
    if (value.length > maxItems) throw invalidValue(param, `expected at most ${maxItems} items`);
    for (let index = 0; index < value.length; index += 1) check(value[index], `${param}[${index}]`);
  };

/** A string, or whatever else `check` takes. */
export const stringOr =
  (check: Check): Check =>
  (value, param) => {
    if (typeof value !== 'string') check(value, param);
  };

/** An object whose fields are checked in turn. */
export const shape =
  (checks: Readonly<Record<string, Check>>, required: readonly string[] = []): Check =>
  (value, param) => {
    if (!isJsonObject(value)) throw invalidValue(param, 'expected an object');
    for (const key of required) requireField(value, key, `${param}.`);
    checkFields(value, checks, `${param}.`);
  };
