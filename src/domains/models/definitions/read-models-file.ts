import { readFile } from 'node:fs/promises';
import type { Fault } from './provider-kinds.ts';
import { providerFaults } from './provider-kinds.ts';
import { type FileMistake, ModelsFileError } from './file-mistakes.ts';
import {
  ENTRIES_MAX,
  FILE_SECTIONS,
  type FileSection,
  readEntry,
  sectionForms,
} from './file-form.ts';
import { modelFaults } from './model-faults.ts';
import {
  EMPTY_FILE,
  type FileBody,
  type ModelsFile,
  type ModelsFileSource,
  modelsFileOf,
} from './models-file.ts';
import { YamlSource, type YamlPath } from './yaml-source.ts';

const FILE_MAX_BYTES = 8 * 1024 * 1024;

/** Reads the configuration file; rejects with a `ModelsFileError` that names every mistake. */
export async function readModelsFile(source: ModelsFileSource, now: Date): Promise<ModelsFile> {
  const { path } = source;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw aboutFile(path, `the file cannot be read (${code})`);
  });
  if (Buffer.byteLength(text) > FILE_MAX_BYTES)
    throw aboutFile(path, `the file is larger than ${FILE_MAX_BYTES} bytes`);
  return modelsFileOf(parseModelsFile(text, source), now);
}

function aboutFile(path: string, reason: string): ModelsFileError {
  return new ModelsFileError(path, [{ line: undefined, path: '', reason }]);
}

/** The text of the file to what it says; throws a `ModelsFileError` that names every mistake. */
export function parseModelsFile(text: string, source: ModelsFileSource): FileBody {
  const yaml = new YamlSource(text);
  const unreadable = yaml.syntaxMistakes();
  if (unreadable.length > 0) throw new ModelsFileError(source.path, unreadable);
  const mistakes = yaml.fillReferences(source.textOf);
  const placed = new PlacedMistakes(yaml, mistakes);
  const body = readSections(yaml.value(), placed);
  checkFaults(body, placed);
  checkReferences(body, placed);
  if (mistakes.length > 0)
    throw new ModelsFileError(
      source.path,
      mistakes.toSorted((left, right) => (left.line ?? 0) - (right.line ?? 0)),
    );
  return {
    providers: body.providers.map(({ entry }) => entry),
    deployments: body.deployments.map(({ entry }) => entry),
    models: body.models.map(({ entry }) => entry),
  };
}

class PlacedMistakes {
  readonly #yaml: YamlSource;
  readonly #mistakes: FileMistake[];
  constructor(yaml: YamlSource, mistakes: FileMistake[]) {
    this.#yaml = yaml;
    this.#mistakes = mistakes;
  }
  add(path: YamlPath, reason: string): void {
    this.#mistakes.push({ line: this.#yaml.lineAt(path), path: pathText(path), reason });
  }
}

/** An entry that has the right form, and its place in the list: wrong ones are left out. */
interface Placed<T> {
  readonly index: number;
  readonly entry: T;
}
type PlacedBody = { readonly [S in FileSection]: Placed<FileBody[S][number]>[] };

function readSections(value: unknown, mistakes: PlacedMistakes): PlacedBody {
  const body: PlacedBody = { providers: [], deployments: [], models: [] };
  // An empty file says that there is nothing.
  if (value === null || value === undefined) return body;
  if (typeof value !== 'object' || Array.isArray(value)) {
    mistakes.add([], `must hold ${FILE_SECTIONS.join(', ')}`);
    return body;
  }
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(EMPTY_FILE, name)) mistakes.add([name], 'is not a field that exists here');
  }
  const forms = sectionForms();
  for (const section of FILE_SECTIONS) {
    const entries = (value as Record<string, unknown>)[section] ?? [];
    if (!Array.isArray(entries) || entries.length > ENTRIES_MAX) {
      mistakes.add([section], `must be a list of at most ${ENTRIES_MAX} entries`);
      continue;
    }
    for (const [index, entry] of entries.entries()) {
      const read = readEntry(forms[section], entry, [section, index]);
      if ('entry' in read) body[section].push({ index, entry: read.entry as never });
      else for (const { path, reason } of read.mistakes) mistakes.add(path, reason);
    }
  }
  return body;
}

function checkFaults(body: PlacedBody, mistakes: PlacedMistakes): void {
  const report = (section: FileSection, index: number, faults: readonly Fault[]) => {
    for (const { field, message } of faults)
      mistakes.add([section, index, ...fieldPath(field)], message);
  };
  for (const { index, entry } of body.providers) report('providers', index, providerFaults(entry));
  for (const { index, entry } of body.models) report('models', index, modelFaults(entry));
}

function checkReferences(body: PlacedBody, mistakes: PlacedMistakes): void {
  for (const section of FILE_SECTIONS) {
    const names = new Set<string>();
    for (const { index, entry } of body[section]) {
      if (names.has(entry.name)) mistakes.add([section, index, 'name'], 'stands here twice');
      names.add(entry.name);
    }
  }
  const providers = new Set(body.providers.map(({ entry }) => entry.name));
  for (const { index, entry } of body.deployments) {
    if (!providers.has(entry.provider))
      mistakes.add(['deployments', index, 'provider'], 'names no right provider of this file');
  }
  const deployments = new Set(body.deployments.map(({ entry }) => entry.name));
  for (const { index, entry } of body.models) {
    for (const [member, { deployment }] of entry.deployments.entries()) {
      if (deployments.has(deployment)) continue;
      const path = ['models', index, 'deployments', member, 'deployment'];
      mistakes.add(path, 'names no right deployment of this file');
    }
  }
}

function fieldPath(field: string): (string | number)[] {
  return [...field.matchAll(/[^.[\]]+/g)].map(([name]) =>
    /^\d+$/.test(name) ? Number(name) : name,
  );
}

function pathText(path: YamlPath): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`,
    )
    .join('');
}
