import { fileURLToPath } from 'node:url';
import type { Config } from './config/config.ts';
import type { Environment } from './config/mistakes.ts';
import { ConfigError } from './config/mistakes.ts';
import { VARIABLE_NAMES, VARIABLES } from './config/schema.ts';
import { unreadVariables } from './config/unknown-variables.ts';
import {
  type Configuration,
  type DoctorContext,
  DOCTOR_OPTIONS,
  type DoctorOptions,
  type FolderState,
  type Probes,
  systemHost,
} from './domains/ops/doctor/index.ts';
import type { Clock } from './ports/clock.ts';
import { schemaExtensions } from './runtime.ts';
import { SEALED_COLUMNS } from './sealed-columns.ts';

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/** What the checks look at: configuration, machine and stores of this installation. */
export function doctorContext(
  config: Config,
  given: {
    readonly env: Environment;
    readonly clock: Clock;
    readonly probes: Probes;
    readonly folder: FolderState;
    readonly mistakes?: Configuration['mistakes'];
    readonly options?: Partial<DoctorOptions>;
  },
): DoctorContext {
  const { env, clock, probes, folder, mistakes = [] } = given;
  return {
    environment: env,
    configuration: {
      settings: config,
      mistakes,
      unknown: unreadVariables(env),
      secretFiles: secretFiles(env),
      modelsFileMistakes: modelsFileMistakes(config),
    },
    folder,
    host: systemHost(env),
    clock,
    probes,
    schema: { directory: MIGRATIONS, extensions: schemaExtensions },
    sealedColumns: SEALED_COLUMNS,
    options: { ...DOCTOR_OPTIONS, ...given.options },
  };
}

function secretFiles(env: Environment): Configuration['secretFiles'] {
  return VARIABLE_NAMES.flatMap((name) => {
    const variable = `${name}_FILE`;
    const path = VARIABLES[name].secret && VARIABLES[name].file ? env[variable] : undefined;
    return path === undefined || path === '' ? [] : [{ variable, path }];
  });
}

function modelsFileMistakes({ configFile }: Config): Configuration['modelsFileMistakes'] {
  if (configFile === undefined) return undefined;
  return async () => {
    const { checkModelsFile } = await import('./models-from-config.ts');
    try {
      await checkModelsFile(configFile);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.mistakes;
      throw error;
    }
  };
}
