import { VARIABLES, type VariableName } from './schema.ts';

const MASK = '********';

/** A value as people may see it; null when it is not set. */
export function redactedValue(name: VariableName, value: unknown): string | null {
  if (value === undefined) return null;
  const text = Array.isArray(value) ? value.join(',') : String(value);
  if (VARIABLES[name].type.startsWith('URL')) return redactedUrl(text);
  return VARIABLES[name].secret ? MASK : text;
}

// Host, database and user help people to see what is used; the password and query parameters do not.
function redactedUrl(text: string): string {
  const url = new URL(text);
  if (url.password !== '') url.password = MASK;
  url.search = '';
  url.hash = '';
  return url.href;
}
