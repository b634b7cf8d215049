import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ZVecCollection,
  ZVecCreateAndOpen,
  ZVecInitialize,
  ZVecLogLevel,
  ZVecOpen,
} from '@zvec/zvec';
import {
  type CollectionDefinition,
  VectorIndexCorruptError,
  VectorIndexError,
} from '../../ports/vector-index.ts';
import { OpenZvecCollection } from './zvec-collection.ts';
import type { MaintenancePolicy } from './zvec-maintenance.ts';
import { schemaDifference, zvecSchema } from './zvec-schema.ts';

const UNFINISHED = '.creating-';

/** The collection folders of one directory, each opened at its first use. Lives in the worker thread. */
export class ZvecCollections {
  readonly #directory: string;
  readonly #policy: MaintenancePolicy;
  readonly #warn: (fields: object, message: string) => void;
  readonly #open = new Map<string, OpenZvecCollection>();

  constructor(
    directory: string,
    policy: MaintenancePolicy,
    warn: (fields: object, message: string) => void,
  ) {
    this.#directory = directory;
    this.#policy = policy;
    this.#warn = warn;
    // Errors come back from the calls; on stderr they would only break the lines of our own log.
    ZVecInitialize({ logLevel: ZVecLogLevel.FATAL });
    mkdirSync(directory, { recursive: true });
    this.#removeUnfinished();
  }

  /** Undefined when there is no such collection. */
  find(name: string): OpenZvecCollection | undefined {
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    if (!existsSync(this.#path(name))) return undefined;
    return this.#remember(name, openFolder(name, this.#path(name)));
  }

  get(name: string): OpenZvecCollection {
    const found = this.find(name);
    if (found !== undefined) return found;
    throw new VectorIndexError('collection_missing', `there is no collection ${name}`, {
      collection: name,
    });
  }

  ensure(definition: CollectionDefinition): void {
    const existing = this.find(definition.name);
    if (existing === undefined) return this.#create(definition);
    const difference = schemaDifference(existing.collection, definition);
    if (difference === undefined) return;
    throw new VectorIndexError(
      'collection_mismatch',
      `the collection ${definition.name} exists with another schema: ${difference}`,
      { collection: definition.name },
    );
  }

  async drop(name: string): Promise<void> {
    const open = this.#open.get(name);
    this.#open.delete(name);
    if (open !== undefined) await open.destroy();
    rmSync(this.#path(name), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(open.map((collection) => collection.close()));
  }

  // Made aside and renamed: a folder under its own name was complete once, so one that does not open is corrupt.
  #create(definition: CollectionDefinition): void {
    const aside = join(this.#directory, `${UNFINISHED}${randomUUID()}`);
    ZVecCreateAndOpen(aside, zvecSchema(definition)).closeSync();
    renameSync(aside, this.#path(definition.name));
    this.find(definition.name);
  }

  #removeUnfinished(): void {
    for (const entry of readdirSync(this.#directory))
      if (entry.startsWith(UNFINISHED))
        rmSync(join(this.#directory, entry), { recursive: true, force: true });
  }

  #remember(name: string, collection: ZVecCollection): OpenZvecCollection {
    const open = new OpenZvecCollection(name, collection, this.#policy, (cause) => {
      this.#warn(
        { collection: name, error: String(cause) },
        'a vector index could not be optimized',
      );
    });
    this.#open.set(name, open);
    return open;
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function openFolder(name: string, path: string): ZVecCollection {
  try {
    return ZVecOpen(path);
  } catch (cause) {
    // The message is the only mark of a folder that another process holds.
    if (String(cause).includes("Can't lock"))
      throw new VectorIndexError('unavailable', `another process has opened ${path}`, {
        collection: name,
        cause,
      });
    throw new VectorIndexCorruptError(name, { cause });
  }
}
