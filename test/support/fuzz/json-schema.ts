import type { Random } from './random.ts';

/** The part of JSON Schema that the description of the API uses. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
}

/** Values that fit a field better than what its schema alone tells, such as ids that exist. */
export type ValuesByField = Readonly<Record<string, readonly unknown[]>>;

const OPTIONAL_SHARE = 0.5;

/** A value that the schema allows, as far as a simple reader can tell. */
export function sampleOf(
  schema: JsonSchema,
  context: { random: Random; field: string; known: ValuesByField },
): unknown {
  const { random, field, known } = context;
  const fitting = known[field];
  if (fitting !== undefined && schema.type !== 'object' && schema.type !== 'array')
    return random.pick(fitting);
  if ('const' in schema) return schema.const;
  if (schema.enum !== undefined) return random.pick(schema.enum);
  if (schema.anyOf !== undefined) return sampleOf(random.pick(schema.anyOf), context);
  const [type] = [schema.type].flat();
  if (type === 'object') return objectOf(schema, context);
  if (type === 'array') {
    const length = Math.max(schema.minItems ?? 0, 1);
    return Array.from({ length }, () => sampleOf(schema.items ?? {}, context));
  }
  if (type === 'integer' || type === 'number') return numberOf(schema, random);
  if (type === 'boolean') return random.chance(0.5);
  if (type === 'null') return null;
  return textOf(schema, random);
}

function objectOf(
  { properties = {}, required = [] }: JsonSchema,
  context: { random: Random; known: ValuesByField },
): Record<string, unknown> {
  const chosen = Object.entries(properties).filter(
    ([name]) => required.includes(name) || context.random.chance(OPTIONAL_SHARE),
  );
  return Object.fromEntries(
    chosen.map(([name, schema]) => [name, sampleOf(schema, { ...context, field: name })]),
  );
}

function numberOf({ minimum = 0, maximum = 1_000 }: JsonSchema, random: Random): number {
  const span = Math.min(maximum - minimum, 1_000);
  return minimum + random.integer(span + 1);
}

// Letters and digits fit the patterns of names, regions and versions.
function textOf({ minLength = 1 }: JsonSchema, random: Random): string {
  return `n${random.integer(2 ** 31).toString(36)}`.padEnd(minLength, 'x');
}
