import type { LoadedVariables, ValueSource } from './load.ts';
import { redactedValue } from './redacted-value.ts';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from './schema.ts';

export interface PrintedVariable {
  readonly name: VariableName;
  /** Null when not set. */
  readonly value: string | null;
  readonly source: ValueSource;
  readonly unit: string | null;
}

/** The effective configuration for people: no secret appears, whatever form it has. */
export function printableConfig(loaded: LoadedVariables): PrintedVariable[] {
  return VARIABLE_NAMES.map((name) => ({
    name,
    value: redactedValue(name, loaded.values[name]),
    source: loaded.sources[name],
    unit: VARIABLES[name].unit ?? null,
  }));
}
