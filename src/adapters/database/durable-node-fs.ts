import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { syncDirectory } from './folder-sync.ts';

type EngineModule = Parameters<NodeFS['init']>[1];

// The parts of Emscripten's NODEFS that are touched. They are not public API: the exact pin of PGlite, the check at
// each start and the contract suite stand guard over them.
interface FsNode {
  readonly mode: number;
}
interface FsStream {
  readonly node: FsNode;
  readonly nfd: number;
}
interface NodeFsBackend {
  realPath(node: FsNode): string;
  readonly node_ops: {
    mknod(parent: FsNode, name: string, mode: number, device: number): FsNode;
    rename(node: FsNode, newParent: FsNode, newName: string): void;
    unlink(parent: FsNode, name: string): void;
  };
  readonly stream_ops: { fsync?(stream: FsStream): number };
}
interface EngineInternals {
  readonly NODEFS?: NodeFsBackend;
  readonly FS: { isDir(mode: number): boolean; filesystems?: { NODEFS?: NodeFsBackend } };
}

/**
 * PGlite's folder file system, made safe against power loss. PGlite's own has no fsync at all, so what a commit
 * acknowledged may still be in the kernel's cache only. This one syncs when PostgreSQL asks for it, and also the
 * folder in which a synced file is new: POSIX promises a file's name only after that.
 */
export class DurableNodeFs extends NodeFS {
  readonly #onSyncFailure: (error: unknown) => void;
  #syncCount = 0;

  /**
   * `onSyncFailure` must not let the engine go on: after a failed fsync the kernel may have dropped the pages, and a
   * later fsync that succeeds would acknowledge data that is gone.
   */
  constructor(directory: string, onSyncFailure: (error: unknown) => void) {
    super(directory);
    this.#onSyncFailure = onSyncFailure;
  }

  /** Files and folders synced so far; lets the start check prove that a commit reaches the disk. */
  get syncCount(): number {
    return this.#syncCount;
  }

  override async init(pg: PGlite, options: EngineModule) {
    const { emscriptenOpts } = await super.init(pg, options);
    const preRun = [
      ...(emscriptenOpts.preRun ?? []),
      (engine: unknown) => this.#install(engine as EngineInternals),
    ];
    return { emscriptenOpts: { ...emscriptenOpts, preRun } };
  }

  #install(engine: EngineInternals): void {
    const backend = engine.NODEFS ?? engine.FS.filesystems?.NODEFS;
    if (backend === undefined)
      throw new Error(
        'this build of PGlite does not show its file system; it cannot be made durable',
      );
    // Names that no sync of their folder has covered yet.
    const freshPaths = new Set<string>();
    this.#rememberFreshNames(backend, freshPaths, (mode) => engine.FS.isDir(mode));
    backend.stream_ops.fsync = (stream) => {
      this.#sync(() => fs.fsyncSync(stream.nfd));
      const path = backend.realPath(stream.node);
      if (freshPaths.delete(path)) this.#sync(() => syncDirectory(dirname(path)));
      return 0;
    };
  }

  #rememberFreshNames(
    backend: NodeFsBackend,
    freshPaths: Set<string>,
    isDirectory: (mode: number) => boolean,
  ): void {
    const operations = backend.node_ops;
    const { mknod, rename, unlink } = operations;
    operations.mknod = (parent, name, mode, device) => {
      const node = mknod(parent, name, mode, device);
      if (isDirectory(node.mode)) this.#sync(() => syncDirectory(backend.realPath(parent)));
      else freshPaths.add(backend.realPath(node));
      return node;
    };
    operations.rename = (node, newParent, newName) => {
      const oldPath = backend.realPath(node);
      rename(node, newParent, newName);
      freshPaths.delete(oldPath);
      freshPaths.add(join(backend.realPath(newParent), newName));
    };
    operations.unlink = (parent, name) => {
      unlink(parent, name);
      freshPaths.delete(join(backend.realPath(parent), name));
    };
  }

  #sync(work: () => void): void {
    try {
      work();
      this.#syncCount += 1;
    } catch (error) {
      this.#onSyncFailure(error);
      throw error;
    }
  }
}
