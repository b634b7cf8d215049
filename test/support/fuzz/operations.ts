import type { JsonSchema } from './json-schema.ts';

/** One method of one path, as the description of the API tells it. */
export interface Operation {
  readonly method: string;
  /** With `{name}` where a parameter goes. */
  readonly path: string;
  readonly pathParameters: readonly string[];
  readonly queryParameters: readonly { readonly name: string; readonly schema: JsonSchema }[];
  /** Undefined where the description has none. */
  readonly body: JsonSchema | undefined;
}

interface Described {
  readonly parameters?: readonly { name: string; in: string; schema?: JsonSchema }[];
  readonly requestBody?: { content?: Record<string, { schema?: JsonSchema }> };
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Every operation of an OpenAPI document. */
export function operationsOf(document: Record<string, unknown>): Operation[] {
  const paths = document['paths'] as Record<string, Record<string, Described>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    METHODS.flatMap((method) => {
      const described = methods[method];
      return described === undefined ? [] : [operationOf(method, path, described)];
    }),
  );
}

function operationOf(method: string, path: string, described: Described): Operation {
  const parameters = described.parameters ?? [];
  return {
    method: method.toUpperCase(),
    path,
    pathParameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name),
    queryParameters: parameters
      .filter((parameter) => parameter.in === 'query')
      .map(({ name, schema = {} }) => ({ name, schema })),
    body: described.requestBody?.content?.['application/json']?.schema,
  };
}
