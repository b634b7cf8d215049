import type { ModelsFile, ModelsFileSource } from './models-file.ts';

/**
 * Reads the configuration file; rejects with a `ModelsFileError` that names every mistake. What reads YAML is loaded for
 * those who have such a file: the others should not wait for it at every start.
 */
export async function loadModelsFile(source: ModelsFileSource, now: Date): Promise<ModelsFile> {
  const { readModelsFile } = await import('./read-models-file.ts');
  return await readModelsFile(source, now);
}
