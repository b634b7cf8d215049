import type { ConfigFile } from './config/config.ts';
import { ConfigError } from './config/mistakes.ts';
import {
  type Models,
  ModelsFileError,
  mistakeText,
  openModels,
  loadModelsFile,
} from './domains/models/index.ts';
import type { RuntimeContext, Stores } from './runtime.ts';
import type { OutboundGuard } from './lib/outbound-guard/index.ts';
import type { SecretBox } from './lib/secret-box.ts';

/** The models of this installation, from every source that its configuration names. */
export async function modelsFromConfig(
  { database }: Pick<Stores, 'database'>,
  { config, log, clock, metrics }: RuntimeContext,
  { guard, box }: { guard: OutboundGuard; box: SecretBox | undefined },
): Promise<Models> {
  const { upstream, configFile: file, http } = config;
  const shared = { database, clock, log, metrics, box, guard };
  return await openModels({ ...shared, upstream, file, ownPort: http.port }).catch(tellMistakes);
}

/** For commands: rejects with a `ConfigError` when the file is wrong. */
export async function checkModelsFile(file: ConfigFile): Promise<void> {
  // When it was read is of no interest here.
  await loadModelsFile(file, new Date(0)).catch(tellMistakes);
}

/** The file is a part of the configuration, so its mistakes are told as such. */
function tellMistakes(error: unknown): never {
  if (!(error instanceof ModelsFileError)) throw error;
  throw new ConfigError(
    error.mistakes.map((mistake) => ({
      variable: 'LLAMP_CONFIG_FILE',
      reason: `(${error.file}) ${mistakeText(mistake)}`,
      fix: 'correct the file; docs/models.md describes it',
    })),
  );
}
