import type { Log } from '../../lib/log.ts';
import { RevisionedSnapshot } from '../../lib/revisioned-snapshot.ts';
import type { SecretBox } from '../../lib/secret-box.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import { type Definitions, NO_DEFINITIONS } from './definitions/definition.ts';
import {
  EMPTY_FILE,
  type ModelsFile,
  type ModelsFileSource,
  continuing,
  modelsFileOf,
} from './definitions/models-file.ts';
import { loadModelsFile } from './definitions/load-models-file.ts';
import { type ResolvedModels, resolveModels } from './definitions/resolve-models.ts';
import { loadDefinitions, type SealedDefinitions } from './management/definitions-repository.ts';
import { MODELS_CHANNEL, readRevision } from './management/revision-repository.ts';
import { credentialIdOf, openCredential } from './management/sealed-credential.ts';

export interface ConfiguredModelsOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly box: SecretBox | undefined;
  /** Undefined when no configuration file is named. */
  readonly file: ModelsFileSource | undefined;
  /** Gets everything that is configured, whenever some of it changes. */
  readonly apply: (resolved: ResolvedModels) => void;
}

/**
 * What operators configure: the file, and the database behind it. A change of either is in force as a whole or not at
 * all; while the database is away, or the file is wrong, what was known before stays.
 */
export class ConfiguredModels {
  readonly #options: ConfiguredModelsOptions;
  readonly #log: Log;
  readonly #stored: RevisionedSnapshot<Definitions>;
  #file: ModelsFile;
  #applied: Definitions = NO_DEFINITIONS;
  #reloading: Promise<boolean> = Promise.resolve(true);
  #faults: readonly string[] = [];

  constructor(options: ConfiguredModelsOptions) {
    const { database, clock } = options;
    this.#options = options;
    this.#log = options.log.child({ component: 'configured-models' });
    this.#file = modelsFileOf(EMPTY_FILE, clock.now());
    this.#stored = new RevisionedSnapshot<Definitions>({
      name: 'configured-models',
      initial: NO_DEFINITIONS,
      readRevision: (limits) => readRevision(database, limits),
      load: async (limits) => {
        const stored = this.#opened(await loadDefinitions(database, limits));
        this.#apply(stored);
        return stored;
      },
      listen: (onChange) => database.listen(MODELS_CHANNEL, onChange, onChange),
      sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
      log: options.log,
    });
  }

  /** The file as it is in force. */
  get file(): ModelsFile {
    return this.#file;
  }

  /** Rejects with a `ModelsFileError` when the file is wrong, and when the database cannot be asked. */
  async open(): Promise<void> {
    const { file, clock } = this.#options;
    if (file !== undefined) this.#file = await loadModelsFile(file, clock.now());
    await this.#stored.open();
  }

  /** Resolves when every change of the database that was committed before the call is in force here. */
  refresh(): Promise<void> {
    return this.#stored.refresh();
  }

  /** Reads the file again. False, with a line in the log, when it is wrong: the one in force stays. */
  reloadFile(): Promise<boolean> {
    const { file } = this.#options;
    if (file === undefined) return Promise.resolve(true);
    // One after the other: an older reading must not replace a newer one.
    this.#reloading = this.#reloading.then(() => this.#reload(file));
    return this.#reloading;
  }

  close(): Promise<void> {
    return this.#stored.close();
  }

  async #reload(file: ModelsFileSource): Promise<boolean> {
    try {
      const read = await loadModelsFile(file, this.#options.clock.now());
      this.#file = continuing(read, this.#file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error({ reason }, 'the configuration file is refused; the one in force stays');
      return false;
    }
    this.#apply(this.#applied);
    const { providers, deployments, models } = this.#file;
    const counts = [providers, deployments, models].map((list) => list.length);
    this.#log.info({ counts }, 'the configuration file is in force');
    return true;
  }

  #apply(stored: Definitions): void {
    this.#applied = stored;
    this.#options.apply(resolveModels(this.#file.definitions, stored));
  }

  #opened({ providers, deployments, models }: SealedDefinitions): Definitions {
    const opened = providers.map((provider) => {
      const credentialId = credentialIdOf(provider);
      const result = openCredential(this.#options.box, provider);
      return { ...provider, isUserSet: true, credential: null, credentialId, ...result };
    });
    this.#reportFaults(opened.flatMap((one) => ('fault' in one ? [one.fault] : [])));
    return { providers: opened, deployments, models };
  }

  // Once for each reason, not at every reading.
  #reportFaults(faults: readonly string[]): void {
    for (const fault of faults) {
      if (!this.#faults.includes(fault))
        this.#log.error({ reason: fault }, 'a provider is not used');
    }
    this.#faults = faults;
  }
}
