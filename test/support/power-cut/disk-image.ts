import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import type { Content, DiskAfterCut, NameOperation } from './disk-after-cut.ts';

/** Builds the folder that the machine finds when the power is back. */
export function writeDiskImage(base: string, disk: DiskAfterCut, target: string): void {
  fs.cpSync(base, target, { recursive: true, mode: fs.constants.COPYFILE_FICLONE });
  // Names first, on files that carry their inode as content: only what a name leads to needs its real content.
  const inodes = new Map<string, string>();
  for (const operation of disk.names) applyName(target, operation, inodes);
  for (const [inode, content] of disk.contents)
    if (content.base !== undefined && !inodes.has(content.base) && exists(target, content.base))
      inodes.set(content.base, inode);
  for (const [path, inode] of inodes) {
    const content = disk.contents.get(inode) ?? untouched(inode);
    fs.writeFileSync(join(target, path), bytesOf(base, content), { mode: 0o600 });
  }
}

function applyName(target: string, operation: NameOperation, inodes: Map<string, string>): void {
  switch (operation.kind) {
    case 'create':
      // A file whose folder did not survive is lost with it.
      if (!exists(target, dirname(operation.path))) return;
      fs.writeFileSync(join(target, operation.path), '');
      inodes.set(operation.path, operation.inode);
      return;
    case 'mkdir':
      if (exists(target, dirname(operation.path)))
        fs.mkdirSync(join(target, operation.path), { recursive: true, mode: 0o700 });
      return;
    case 'rename': {
      if (!exists(target, operation.from)) return;
      fs.renameSync(join(target, operation.from), join(target, operation.to));
      inodes.set(operation.to, inodes.get(operation.from) ?? `base:${operation.from}`);
      inodes.delete(operation.from);
      return;
    }
    case 'unlink':
      fs.rmSync(join(target, operation.path), { force: true });
      inodes.delete(operation.path);
      return;
    case 'rmdir':
      fs.rmSync(join(target, operation.path), { recursive: true, force: true });
      return;
  }
}

function untouched(inode: string): Content {
  return { base: inode.startsWith('base:') ? inode.slice('base:'.length) : undefined, changes: [] };
}

function exists(target: string, path: string): boolean {
  return fs.existsSync(join(target, path));
}

function bytesOf(base: string, content: Content): Buffer {
  let bytes: Buffer =
    content.base === undefined ? Buffer.alloc(0) : fs.readFileSync(join(base, content.base));
  for (const change of content.changes) {
    if (change.kind === 'truncate') {
      bytes = resized(bytes, change.size);
      continue;
    }
    const end = change.offset + change.data.length;
    if (end > bytes.length) bytes = resized(bytes, end);
    change.data.copy(bytes, change.offset);
  }
  return bytes;
}

function resized(bytes: Buffer, size: number): Buffer {
  if (size <= bytes.length) return bytes.subarray(0, size);
  const larger = Buffer.alloc(size);
  bytes.copy(larger);
  return larger;
}
