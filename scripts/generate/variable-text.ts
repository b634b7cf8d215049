import type { Variable } from '../../src/config/variable.ts';

/** A default as people write it; sizes and times carry their unit elsewhere. */
export function defaultText(variable: Variable<unknown>): string {
  const { defaultValue } = variable;
  if (defaultValue === undefined) return '';
  return Array.isArray(defaultValue) ? defaultValue.join(',') : String(defaultValue);
}
