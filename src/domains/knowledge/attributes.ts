import { knowledgeError } from './errors.ts';

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

const PAIRS_MAX = 16;
const KEY_LENGTH_MAX = 64;
const VALUE_LENGTH_MAX = 512;

/** OpenAI's limits for attributes and metadata; lengths are in characters as people count them. */
export function checkPairs(pairs: Attributes, param: string): void {
  const entries = Object.entries(pairs);
  if (entries.length > PAIRS_MAX)
    throw invalid(param, `'${param}' may hold at most ${PAIRS_MAX} pairs, not ${entries.length}.`);
  for (const [key, value] of entries) {
    if (key === '' || length(key) > KEY_LENGTH_MAX)
      throw invalid(param, `Keys of '${param}' have 1 to ${KEY_LENGTH_MAX} characters.`);
    if (typeof value === 'string' && length(value) > VALUE_LENGTH_MAX)
      throw invalid(
        `${param}.${key}`,
        `'${param}.${key}' may have at most ${VALUE_LENGTH_MAX} characters.`,
      );
  }
}

/** Refuses text that PostgreSQL cannot store, wherever it is in a request. */
export function checkText(value: unknown, param: string): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed() || value.includes('\0'))
      throw knowledgeError(
        'invalid_text',
        `'${param}' holds a NUL character or half of a surrogate pair.`,
        { param },
      );
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const path = Array.isArray(value) ? `${param}[${key}]` : join(param, key);
    checkText(key, path);
    checkText(inner, path);
  }
}

function join(param: string, key: string): string {
  return param === '' ? key : `${param}.${key}`;
}

function length(text: string): number {
  return [...text].length;
}

function invalid(param: string, message: string) {
  return knowledgeError('invalid_attributes', message, { param });
}
