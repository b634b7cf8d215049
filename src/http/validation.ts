import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { AppError } from '../lib/app-error.ts';
import { type HttpErrorCode, httpError } from './errors.ts';

interface SchemaViolation {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message?: string;
}

/**
 * Compiles route schemas. A body must have its types already: nothing is converted and nothing is removed, so a wrong
 * type is an error and never a guess. Everything in a URL is text, so query strings and path parameters are
 * converted. Defaults are filled in everywhere.
 */
export const compileSchema: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  // At the first request: together they would cost every start a tenth of a second.
  let compiled: Validator | undefined;
  const isText = httpPart !== 'body';
  return (input: unknown) => {
    compiled ??= Compile(schema);
    const validator = compiled;
    const filled = validator.Default(input);
    const value = isText ? convertTexts(filled, (texts) => validator.Convert(texts)) : filled;
    if (validator.Check(value)) return { value };
    return { error: validator.Errors(value) as never[] };
  };
};

const NUMBER_TEXT = /^-?\d{1,20}(\.\d{1,20})?$/;

/**
 * The library reads `1.5`, `1e1` and `true` as the integers 1, 10 and 1. A number that a text does not spell out stays
 * text, which is then a wrong type.
 */
function convertTexts(texts: unknown, convert: (texts: unknown) => unknown): unknown {
  const before = { ...(texts as Record<string, unknown>) };
  const after = convert(texts) as Record<string, unknown>;
  for (const [name, text] of Object.entries(before)) {
    const value = after[name];
    if (typeof text !== 'string' || typeof value !== 'number') continue;
    if (!NUMBER_TEXT.test(text) || Number(text) !== value) after[name] = text;
  }
  return after;
}

/** The first violation as one error in OpenAI's words, with `param` as a path like `messages[0].content`. */
export function formatSchemaErrors(errors: readonly SchemaViolation[]): AppError {
  const violation = mostTelling(errors);
  const path = parameterPath(violation.instancePath);
  const { code, param, message } = describe(violation, path);
  return httpError(code, message, { param });
}

// A forbidden extra field is reported twice: as a value under schema `false`, and by its object; the latter names it.
function mostTelling(errors: readonly SchemaViolation[]): SchemaViolation {
  const found = errors.find((one) => one.keyword !== 'boolean') ?? errors[0];
  return found ?? { keyword: 'unknown', instancePath: '', params: {} };
}

interface Described {
  readonly code: HttpErrorCode;
  /** Undefined when the body as a whole is at fault. A field may have an empty name. */
  readonly param: string | undefined;
  readonly message: string;
}

function describe(violation: SchemaViolation, path: string): Described {
  const params = violation.params as Record<string, unknown>;
  if (violation.keyword === 'required') {
    const param = joinPath(path, String([params['requiredProperties']].flat()[0]));
    const message = `Missing required parameter: '${param}'.`;
    return { code: 'missing_required_parameter', param, message };
  }
  if (violation.keyword === 'additionalProperties') {
    const param = joinPath(path, String([params['additionalProperties']].flat()[0]));
    return { code: 'unknown_parameter', param, message: `Unknown parameter: '${param}'.` };
  }
  const param = violation.instancePath === '' ? undefined : path;
  const place = param === undefined ? 'the request body' : `'${path}'`;
  if (violation.keyword === 'type') {
    const expected = [params['type']].flat().join(' or ');
    const message = `Invalid type for ${place}: expected ${expected}.`;
    return { code: 'invalid_type', param, message };
  }
  const reason = violation.message ?? 'is not allowed';
  const allowed = Array.isArray(params['allowedValues'])
    ? `: ${params['allowedValues'].map((value) => JSON.stringify(value)).join(', ')}`
    : '';
  return {
    code: 'invalid_value',
    param,
    message: `Invalid value for ${place}: ${reason}${allowed}.`,
  };
}

function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** `/messages/0/content` (JSON pointer) as `messages[0].content`. */
export function parameterPath(pointer: string): string {
  let path = '';
  for (const segment of pointer.split('/').slice(1)) {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    path = /^\d+$/.test(name) ? `${path}[${name}]` : joinPath(path, name);
  }
  return path;
}
