import { readFileSync } from 'node:fs';
import type { Environment } from './mistakes.ts';

/** A variable of any name, or the content of the file that `<NAME>_FILE` names; undefined when there is neither. */
export function environmentText(env: Environment, name: string): string | undefined {
  const text = env[name] || undefined;
  const path = env[`${name}_FILE`] || undefined;
  if (text !== undefined || path === undefined) return text;
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '') || undefined;
  } catch {
    // Whoever asks says that the variable gives nothing, and names it.
    return undefined;
  }
}
