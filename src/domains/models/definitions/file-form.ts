import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { DeploymentBody, ModelBody, ProviderBody } from '../schemas.ts';
import type { YamlPath } from './yaml-source.ts';

/** Something that does not have the form of the schema. */
export interface FormMistake {
  readonly path: YamlPath;
  readonly reason: string;
}

export const FILE_SECTIONS = ['providers', 'deployments', 'models'] as const;
export type FileSection = (typeof FILE_SECTIONS)[number];
export const ENTRIES_MAX = 5_000;

/** The forms are those of the API, so that a file and a call say the same. */
export function sectionForms(): Record<FileSection, Validator> {
  return {
    providers: Compile(ProviderBody),
    deployments: Compile(DeploymentBody),
    models: Compile(ModelBody),
  };
}

/** The entry with its defaults, or what is wrong with it. */
export function readEntry<S extends TSchema>(
  form: Validator,
  value: unknown,
  place: YamlPath,
): { entry: Static<S> } | { mistakes: FormMistake[] } {
  const entry = form.Default(structuredClone(value));
  if (form.Check(entry)) return { entry: entry as Static<S> };
  return { mistakes: form.Errors(entry).flatMap((error) => mistakesOf(error, place)) };
}

function mistakesOf(
  error: { keyword: string; instancePath: string; params: object; message: string },
  place: YamlPath,
): FormMistake[] {
  const path = [...place, ...pointerPath(error.instancePath)];
  const params = error.params as Record<string, unknown>;
  const named = (key: string, reason: string) =>
    [params[key]].flat().map((name) => ({ path: [...path, String(name)], reason }));
  switch (error.keyword) {
    // The object around it names the field as well; the alternatives of a union are told one by one.
    case 'boolean':
    case 'anyOf':
      return [];
    case 'additionalProperties':
      return named('additionalProperties', 'is not a field that exists here');
    case 'required':
      return named('requiredProperties', 'is missing');
    case 'enum':
      return [{ path, reason: `must be one of ${[params['allowedValues']].flat().join(', ')}` }];
    case 'type':
      // The other half of "a value or null" says what the value should be.
      return params['type'] === 'null' ? [] : [{ path, reason: error.message }];
    default:
      return [{ path, reason: error.message }];
  }
}

function pointerPath(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((name) => (/^\d+$/.test(name) ? Number(name) : name));
}
