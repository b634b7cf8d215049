import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { relative } from 'node:path';
import type { FileOperation, WorkloadMark } from './file-operation.ts';

interface OpenFile {
  readonly path: string;
  /** Undefined for a folder. */
  readonly inode: string | undefined;
}

/**
 * Records every change below `root` that this thread makes through node:fs from now on. It must be installed before
 * the engine is loaded and the folder's files are opened.
 */
export class FileRecorder {
  readonly operations: FileOperation[] = [];
  readonly #root: string;
  readonly #openFiles = new Map<number, OpenFile>();
  readonly #inodes = new Map<string, string>();
  #created = 0;

  constructor(root: string) {
    this.#root = root;
    this.#recordOpening();
    this.#recordContent();
    this.#recordNames();
    syncBuiltinESMExports();
  }

  mark(mark: WorkloadMark): void {
    this.operations.push({ kind: 'mark', mark });
  }

  #recordOpening(): void {
    const { openSync, closeSync, writeFileSync } = fs;
    fs.openSync = (path, flags, mode) => {
      const isNew = !fs.existsSync(path);
      const descriptor = openSync(path, flags, mode);
      const name = this.#nameOf(path);
      if (name === undefined) return descriptor;
      if (isNew) this.#create(name);
      const isDirectory = fs.fstatSync(descriptor).isDirectory();
      const inode = isDirectory ? undefined : this.#inodeOf(name);
      this.#openFiles.set(descriptor, { path: name, inode });
      if (truncates(flags)) this.#truncate(this.#inodeOf(name), 0);
      return descriptor;
    };
    fs.closeSync = (descriptor) => {
      this.#openFiles.delete(descriptor);
      closeSync(descriptor);
    };
    fs.writeFileSync = (file, data, options) => {
      const isNew = typeof file === 'number' || !fs.existsSync(file);
      writeFileSync(file, data, options);
      const name = typeof file === 'number' ? undefined : this.#nameOf(file);
      if (name === undefined) return;
      // The engine creates its files this way, always empty.
      if (data !== '') throw new Error(`unexpected content written to ${name}`);
      if (isNew) this.#create(name);
      else this.#truncate(this.#inodeOf(name), 0);
    };
  }

  #recordContent(): void {
    const { writeSync, ftruncateSync, truncateSync, fsyncSync } = fs;
    // The signature of writeSync has forms for text that the engine does not use.
    const write = (
      descriptor: number,
      buffer: NodeJS.ArrayBufferView,
      offset = 0,
      length = buffer.byteLength - offset,
      position: number | null = null,
    ) => {
      const written = writeSync(descriptor, buffer, offset, length, position);
      const file = this.#openFiles.get(descriptor);
      if (file?.inode === undefined) return written;
      if (position === null) throw new Error(`unexpected write without a position to ${file.path}`);
      const data = Buffer.from(Buffer.from(buffer.buffer, buffer.byteOffset + offset, written));
      this.#push({ kind: 'write', inode: file.inode, offset: position, data });
      return written;
    };
    fs.writeSync = write as typeof fs.writeSync;
    fs.ftruncateSync = (descriptor, size) => {
      ftruncateSync(descriptor, size);
      const file = this.#openFiles.get(descriptor);
      if (file?.inode !== undefined) this.#truncate(file.inode, size ?? 0);
    };
    fs.truncateSync = (path, size) => {
      truncateSync(path, size);
      const name = this.#nameOf(path);
      if (name !== undefined) this.#truncate(this.#inodeOf(name), size ?? 0);
    };
    fs.fsyncSync = (descriptor) => {
      fsyncSync(descriptor);
      const file = this.#openFiles.get(descriptor);
      if (file === undefined) return;
      if (file.inode === undefined) this.#push({ kind: 'sync-directory', path: file.path });
      else this.#push({ kind: 'sync-file', inode: file.inode });
    };
  }

  #recordNames(): void {
    const { renameSync, unlinkSync, mkdirSync, rmdirSync } = fs;
    fs.renameSync = (from, to) => {
      renameSync(from, to);
      const [oldName, newName] = [this.#nameOf(from), this.#nameOf(to)];
      if (oldName === undefined || newName === undefined) return;
      this.#inodes.set(newName, this.#inodeOf(oldName));
      this.#inodes.delete(oldName);
      this.#push({ kind: 'rename', from: oldName, to: newName });
    };
    fs.unlinkSync = (path) => {
      unlinkSync(path);
      const name = this.#nameOf(path);
      if (name === undefined) return;
      this.#inodes.delete(name);
      this.#push({ kind: 'unlink', path: name });
    };
    const makeDirectory = (path: fs.PathLike, options?: fs.Mode | null) => {
      mkdirSync(path, options);
      const name = this.#nameOf(path);
      if (name !== undefined) this.#push({ kind: 'mkdir', path: name });
    };
    fs.mkdirSync = makeDirectory as typeof fs.mkdirSync;
    fs.rmdirSync = (path) => {
      rmdirSync(path);
      const name = this.#nameOf(path);
      if (name !== undefined) this.#push({ kind: 'rmdir', path: name });
    };
  }

  #create(path: string): void {
    this.#created += 1;
    const inode = `new:${this.#created}`;
    this.#inodes.set(path, inode);
    this.#push({ kind: 'create', path, inode });
  }

  #truncate(inode: string, size: number): void {
    this.#push({ kind: 'truncate', inode, size });
  }

  #inodeOf(path: string): string {
    return this.#inodes.get(path) ?? `base:${path}`;
  }

  #nameOf(path: fs.PathLike): string | undefined {
    const name = relative(this.#root, String(path));
    return name.startsWith('..') ? undefined : name;
  }

  #push(operation: FileOperation): void {
    this.operations.push(operation);
  }
}

function truncates(flags: fs.OpenMode): boolean {
  return typeof flags === 'number' ? (flags & fs.constants.O_TRUNC) !== 0 : flags.startsWith('w');
}
