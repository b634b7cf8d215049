import type { LoadedVariables, ValueSource } from './load.ts';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from './schema.ts';

export interface PrintedVariable {
  readonly name: VariableName;
  /** Null when not set. */
  readonly value: string | null;
  readonly source: ValueSource;
  readonly unit: string | null;
}

const MASK = '********';

/** The effective configuration for people: no secret appears, whatever form it has. */
export function printableConfig(loaded: LoadedVariables): PrintedVariable[] {
  return VARIABLE_NAMES.map((name) => ({
    name,
    value: redactedValue(name, loaded.values[name]),
    source: loaded.sources[name],
    unit: VARIABLES[name].unit ?? null,
  }));
}

function redactedValue(name: VariableName, value: unknown): string | null {
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
