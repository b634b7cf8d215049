import {
  type AppProcess,
  startAppProcess,
  type Upstream,
  upstreamVariables,
} from './app-process.ts';
import { newFirstApiKey } from './first-api-key.ts';
import {
  createUndoList,
  type Installation,
  installationFolder,
  instanceAt,
  removeFolder,
} from './installation.ts';

export interface EmbeddedOptions {
  readonly upstream?: Upstream;
  /** An existing data folder, which then survives `stop`; by default a new one. */
  readonly dataDirectory?: string;
  /** The key that an existing data folder knows already. */
  readonly apiKey?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** One process with a data folder of its own and no service. */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<Installation> {
  const directory = await installationFolder();
  const undo = createUndoList();
  undo.add(removeFolder(directory));
  const apiKey = options.apiKey ?? newFirstApiKey();
  try {
    const app = await startAppProcess({
      directory,
      dataDirectory: options.dataDirectory,
      environment: {
        LLAMP_BOOTSTRAP_API_KEY: apiKey,
        ...upstreamVariables(options.upstream),
        ...options.environment,
      },
    });
    undo.add(() => app.stop());
    return embeddedInstallation(app, { apiKey, directory, stop: undo.undoAll });
  } catch (error) {
    await undo.undoAll();
    throw error;
  }
}

function embeddedInstallation(
  app: AppProcess,
  rest: Pick<Installation, 'apiKey' | 'directory' | 'stop'>,
): Installation {
  const instances = [app];
  return { url: app.url, instances, kill: (index) => instanceAt(instances, index).kill(), ...rest };
}
