import { readFileSync } from 'node:fs';
import { type Config, configFrom } from './config.ts';
import { ConfigError, type Environment, type Mistake } from './mistakes.ts';
import { VARIABLE_NAMES, VARIABLES, type Values, type VariableName } from './schema.ts';
import { unknownVariables } from './unknown-variables.ts';
import { InvalidValue } from './variable.ts';

export type ValueSource = 'default' | 'environment' | 'file';

export interface LoadedVariables {
  readonly values: Values;
  readonly sources: Readonly<Record<VariableName, ValueSource>>;
}

/** Reads every variable and reports all mistakes at once. */
export function loadConfig(env: Environment): Config {
  return configFrom(loadVariables(env).values, env);
}

/** For `config print`: the values by variable and where each came from. */
export function loadVariables(env: Environment): LoadedVariables {
  const mistakes: Mistake[] = unknownVariables(env);
  const values: Record<string, unknown> = {};
  const sources: Record<string, ValueSource> = {};
  for (const name of VARIABLE_NAMES) {
    const raw = rawValue(env, name, mistakes);
    sources[name] = raw?.source ?? 'default';
    values[name] =
      raw === undefined ? VARIABLES[name].defaultValue : parsed(name, raw.text, mistakes);
  }
  const failed = new Set(mistakes.map((mistake) => mistake.variable));
  mistakes.push(...combinationMistakes(values as unknown as Values, failed));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return {
    values: values as unknown as Values,
    sources: sources as Record<VariableName, ValueSource>,
  };
}

function parsed(name: VariableName, text: string, mistakes: Mistake[]): unknown {
  try {
    return VARIABLES[name].parse(text);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    mistakes.push({ variable: name, reason: error.message, fix: error.fix });
    return undefined;
  }
}

// Compose files pass `NAME=` for a variable that is not set, so empty counts as absent.
function rawValue(
  env: Environment,
  name: VariableName,
  mistakes: Mistake[],
): { text: string; source: ValueSource } | undefined {
  const text = env[name] || undefined;
  const fileVariable = `${name}_FILE`;
  const path = VARIABLES[name].file ? env[fileVariable] || undefined : undefined;
  if (path === undefined) return text === undefined ? undefined : { text, source: 'environment' };
  if (text !== undefined) {
    const reason = `is set together with ${name}`;
    mistakes.push({ variable: fileVariable, reason, fix: 'set only one of the two' });
    return undefined;
  }
  const content = fileContent(fileVariable, path, mistakes);
  return content === undefined ? undefined : { text: content, source: 'file' };
}

function fileContent(variable: string, path: string, mistakes: Mistake[]): string | undefined {
  try {
    // Editors and `echo` end a file with a line break that is no part of the secret.
    const content = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (content !== '') return content;
    mistakes.push({ variable, reason: `names an empty file (${path})`, fix: 'write the value in' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    mistakes.push({
      variable,
      reason: `names a file that cannot be read (${path}: ${code})`,
      fix: 'correct the path, or let the user of the process read it',
    });
  }
  return undefined;
}

function combinationMistakes(values: Values, failed: ReadonlySet<string>): Mistake[] {
  const mistakes: Mistake[] = [];
  const add = (variable: VariableName, reason: string, fix: string) => {
    if (!failed.has(variable) && !failed.has(`${variable}_FILE`)) {
      mistakes.push({ variable, reason, fix });
    }
  };
  const isFailed = (name: VariableName) => failed.has(name) || failed.has(`${name}_FILE`);
  for (const key of ['MINIO_ACCESS_KEY', 'MINIO_SECRET_KEY'] as const) {
    if (values.MINIO_ENDPOINT !== undefined && values[key] === undefined) {
      add(key, 'is not set although MINIO_ENDPOINT is', 'set it, or unset MINIO_ENDPOINT');
    }
    if (
      values.MINIO_ENDPOINT === undefined &&
      !isFailed('MINIO_ENDPOINT') &&
      values[key] !== undefined
    ) {
      add(key, 'is set but MINIO_ENDPOINT is not', 'set MINIO_ENDPOINT, or unset the key');
    }
  }
  const metricsPort = values.LLAMP_METRICS_PORT;
  if (metricsPort !== undefined && metricsPort !== 0 && metricsPort === values.LLAMP_PORT) {
    add('LLAMP_METRICS_PORT', 'is the same as LLAMP_PORT', 'choose another port');
  }
  if (values.LLAMP_UPSTREAM_FIRST_TOKEN_TIMEOUT_MS > values.LLAMP_UPSTREAM_TOTAL_TIMEOUT_MS) {
    add(
      'LLAMP_UPSTREAM_FIRST_TOKEN_TIMEOUT_MS',
      'is longer than LLAMP_UPSTREAM_TOTAL_TIMEOUT_MS',
      'shorten it, or allow more in all',
    );
  }
  return mistakes;
}
