import { ConfigError } from './config/mistakes.ts';
import { type Models, ModelsFileError, mistakeText, openModels } from './domains/models/index.ts';
import type { RuntimeContext, Stores } from './runtime.ts';
import { openSecretBox } from './secret-key.ts';

/** The models of this installation, from every source that its configuration names. */
export async function modelsFromConfig(
  { database }: Pick<Stores, 'database'>,
  { config, log, clock, metrics }: RuntimeContext,
): Promise<Models> {
  const box = await openSecretBox(config);
  const { upstream, configFile: file, http } = config;
  const shared = { database, clock, log, metrics, box };
  try {
    return await openModels({ ...shared, upstream, file, ownPort: http.port });
  } catch (error) {
    throw error instanceof ModelsFileError ? configurationError(error) : error;
  }
}

/** The file is a part of the configuration, so its mistakes are told as such. */
export function configurationError({ file, mistakes }: ModelsFileError): ConfigError {
  return new ConfigError(
    mistakes.map((mistake) => ({
      variable: 'LLAMP_CONFIG_FILE',
      reason: `(${file}) ${mistakeText(mistake)}`,
      fix: 'correct the file; docs/models.md describes it',
    })),
  );
}
