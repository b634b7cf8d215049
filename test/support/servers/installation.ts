import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppProcess } from './app-process.ts';

/** A running Llamp of either shape, as a black box. */
export interface Installation {
  /** Where clients go; no path. */
  readonly url: string;
  /** A key that may do everything. */
  readonly apiKey: string;
  readonly instances: readonly AppProcess[];
  /** For what a test keeps beside it; removed by `stop`. */
  readonly directory: string;
  /** Ends instance `index` without any warning. */
  kill(index: number): Promise<void>;
  stop(): Promise<void>;
}

/** A temporary folder through which servers of other users may pass. */
export async function installationFolder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'llamp-installation-'));
  await chmod(directory, 0o711);
  return directory;
}

/**
 * Things to undo, last first. Every one is undone even when an earlier one fails; the first failure is thrown at
 * the end.
 */
export function createUndoList(): {
  add(undo: () => Promise<unknown>): void;
  undoAll(): Promise<void>;
} {
  const undos: (() => Promise<unknown>)[] = [];
  return {
    add: (undo) => void undos.push(undo),
    undoAll: async () => {
      const failures: unknown[] = [];
      for (const undo of undos.splice(0).toReversed()) {
        await undo().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** For the last entry of an undo list. */
export const removeFolder = (directory: string) => () =>
  rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });

export function instanceAt(instances: readonly AppProcess[], index: number): AppProcess {
  const instance = instances[index];
  if (instance === undefined) throw new Error(`there is no instance ${index}`);
  return instance;
}
