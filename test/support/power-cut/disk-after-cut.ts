import { dirname } from 'node:path';
import type { FileOperation } from './file-operation.ts';

/**
 * What becomes of data that no sync covered: nothing of it is on disk, or of each 4 KiB page a random first part of
 * its writes, or everything (as after kill -9).
 */
export type UnsyncedData = 'dropped' | 'random' | 'kept';

/**
 * When names (creation, renaming, removal) and lengths are safe. `journal`: any later sync of any file commits all
 * earlier changes of names, as ext4 and XFS do. `strict`: only a sync of the folder, which is all that POSIX says.
 */
export type NameSafety = 'journal' | 'strict';

export interface CutOptions {
  /** The power fails before this operation. */
  readonly cut: number;
  readonly data: UnsyncedData;
  readonly names: NameSafety;
  readonly random: () => number;
}

export interface Content {
  /** File of the base folder to begin with; undefined for a new one. */
  readonly base: string | undefined;
  readonly changes: readonly ContentChange[];
}

export type ContentChange =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly size: number };

/** Name operations that survived, in order, and the content of every inode that was touched. */
export interface DiskAfterCut {
  readonly names: readonly NameOperation[];
  readonly contents: ReadonlyMap<string, Content>;
}

export type NameOperation = Extract<
  FileOperation,
  { kind: 'create' | 'mkdir' | 'rename' | 'unlink' | 'rmdir' }
>;

const PAGE_BYTES = 4096;

/** Decides what the disk holds after the power failed. */
export function diskAfterCut(
  operations: readonly FileOperation[],
  options: CutOptions,
): DiskAfterCut {
  const done = operations.slice(0, options.cut);
  const journalEnd = journalEndOf(done, options);
  return {
    names:
      options.names === 'journal'
        ? nameOperations(done.slice(0, journalEnd))
        : strictNames(done, options),
    contents: contentsOf(done, options, journalEnd),
  };
}

function journalEndOf(done: readonly FileOperation[], options: CutOptions): number {
  if (options.data === 'kept') return done.length;
  const lastSync = done.findLastIndex((operation) => operation.kind.startsWith('sync-'));
  if (options.data === 'dropped') return lastSync + 1;
  return lastSync + 1 + Math.floor(options.random() * (done.length - lastSync));
}

function nameOperations(operations: readonly FileOperation[]): NameOperation[] {
  return operations.filter(isNameOperation);
}

function isNameOperation(operation: FileOperation): operation is NameOperation {
  return ['create', 'mkdir', 'rename', 'unlink', 'rmdir'].includes(operation.kind);
}

function directoryOf(operation: NameOperation): string {
  const parent = dirname(operation.kind === 'rename' ? operation.to : operation.path);
  return parent === '.' ? '' : parent;
}

function strictNames(done: readonly FileOperation[], options: CutOptions): NameOperation[] {
  const lastSync = new Map<string, number>();
  const unsynced = new Map<string, number>();
  done.forEach((operation, index) => {
    if (operation.kind === 'sync-directory') lastSync.set(operation.path, index);
  });
  done.forEach((operation, index) => {
    if (!isNameOperation(operation)) return;
    const directory = directoryOf(operation);
    if (index > (lastSync.get(directory) ?? -1))
      unsynced.set(directory, (unsynced.get(directory) ?? 0) + 1);
  });
  // Of each folder a first part of what no sync covered.
  const kept = new Map([...unsynced].map(([directory, n]) => [directory, keptOf(n, options)]));
  return done.filter((operation, index): operation is NameOperation => {
    if (!isNameOperation(operation)) return false;
    const directory = directoryOf(operation);
    if (index <= (lastSync.get(directory) ?? -1)) return true;
    const left = kept.get(directory) ?? 0;
    kept.set(directory, left - 1);
    return left > 0;
  });
}

function keptOf(count: number, options: CutOptions): number {
  if (options.data === 'kept') return count;
  return options.data === 'dropped' ? 0 : Math.floor(options.random() * (count + 1));
}

function contentsOf(
  done: readonly FileOperation[],
  options: CutOptions,
  journalEnd: number,
): ReadonlyMap<string, Content> {
  const lastSync = new Map<string, number>();
  done.forEach((operation, index) => {
    if (operation.kind === 'sync-file') lastSync.set(operation.inode, index);
  });
  const unsyncedPages = countUnsyncedPages(done, lastSync);
  const keptPages = new Map([...unsyncedPages].map(([page, n]) => [page, keptOf(n, options)]));
  const contents = new Map<string, { base: string | undefined; changes: ContentChange[] }>();
  done.forEach((operation, index) => {
    if (operation.kind !== 'write' && operation.kind !== 'truncate') return;
    const { inode } = operation;
    const base = inode.startsWith('base:') ? inode.slice('base:'.length) : undefined;
    const content = contents.get(inode) ?? { base, changes: [] };
    contents.set(inode, content);
    const isSynced = index <= (lastSync.get(inode) ?? -1);
    if (operation.kind === 'write')
      content.changes.push(...(isSynced ? [operation] : keptPieces(operation, keptPages)));
    // A length is a matter of the journal, like a name.
    else if (isSynced || index < journalEnd) content.changes.push(operation);
  });
  return contents;
}

type Write = Extract<FileOperation, { kind: 'write' }>;

function countUnsyncedPages(
  done: readonly FileOperation[],
  lastSync: ReadonlyMap<string, number>,
): Map<string, number> {
  const counts = new Map<string, number>();
  done.forEach((operation, index) => {
    if (operation.kind !== 'write' || index <= (lastSync.get(operation.inode) ?? -1)) return;
    for (const { page } of piecesOf(operation)) counts.set(page, (counts.get(page) ?? 0) + 1);
  });
  return counts;
}

function keptPieces(operation: Write, keptPages: Map<string, number>): ContentChange[] {
  return piecesOf(operation).flatMap(({ page, offset, data }) => {
    const left = keptPages.get(page) ?? 0;
    keptPages.set(page, left - 1);
    return left > 0 ? [{ kind: 'write' as const, offset, data }] : [];
  });
}

/** The write, cut at the borders of pages: a disk may have written one page and not the next. */
function piecesOf(operation: Write): { page: string; offset: number; data: Buffer }[] {
  const pieces: { page: string; offset: number; data: Buffer }[] = [];
  const end = operation.offset + operation.data.length;
  for (let offset = operation.offset; offset < end; ) {
    const number = Math.floor(offset / PAGE_BYTES);
    const next = Math.min(end, (number + 1) * PAGE_BYTES);
    pieces.push({
      page: `${operation.inode}#${number}`,
      offset,
      data: operation.data.subarray(offset - operation.offset, next - operation.offset),
    });
    offset = next;
  }
  return pieces;
}
