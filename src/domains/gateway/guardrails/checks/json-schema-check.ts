import { Check } from 'typebox/schema';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import type { WholeCheck } from './whole-check.ts';

/** Expressions of users run on RE2 only, and nothing is fetched. */
const REFUSED = ['pattern', 'patternProperties', '$ref', '$dynamicRef', 'format'];

/** Every text has to be JSON that the schema (draft 2020-12) allows; a code fence around it is tolerated. */
export function jsonSchemaCheck(schema: JsonObject): WholeCheck {
  return {
    check: async ({ texts }) =>
      texts.every((text) => isAllowed(schema, text)) ? undefined : 'SCHEMA',
  };
}

function isAllowed(schema: JsonObject, text: string): boolean {
  const bare = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(text)?.[1] ?? text;
  try {
    return Check(schema, JSON.parse(bare));
  } catch {
    return false;
  }
}

/** The first keyword of a schema that is not taken here. */
export function refusedKeyword(schema: unknown): string | undefined {
  if (Array.isArray(schema)) return firstRefused(schema);
  if (!isJsonObject(schema)) return undefined;
  return REFUSED.find((keyword) => keyword in schema) ?? firstRefused(Object.values(schema));
}

function firstRefused(parts: readonly unknown[]): string | undefined {
  for (const part of parts) {
    const refused = refusedKeyword(part);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
