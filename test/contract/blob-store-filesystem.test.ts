import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { describeBlobStore } from './blob-store.ts';

describe('FilesystemBlobStore', () => {
  describeBlobStore(async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'llamp-blobs-'));
    const store = await openFilesystemBlobStore({ directory });
    return {
      store,
      leftovers: async () => (await readdir(path.join(directory, 'incoming'))).length,
      close: async () => {
        await store.close();
        await rm(directory, { recursive: true });
      },
    };
  });

  it('sweeps old temporary files when it opens, and only old ones', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'llamp-blobs-'));
    await openFilesystemBlobStore({ directory });
    const incoming = path.join(directory, 'incoming');
    await writeFile(path.join(incoming, 'old'), 'x');
    await writeFile(path.join(incoming, 'of-another-process'), 'x');
    const twoDaysAgo = new Date(Date.now() - 48 * 3600 * 1000);
    await utimes(path.join(incoming, 'old'), twoDaysAgo, twoDaysAgo);
    await openFilesystemBlobStore({ directory });
    expect(await readdir(incoming)).toEqual(['of-another-process']);
    await rm(directory, { recursive: true });
  });

  it('leaves no empty folders', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'llamp-blobs-'));
    const store = await openFilesystemBlobStore({ directory });
    await store.put('a/b/c', Buffer.from('x'), { timeoutMs: 5_000 });
    await store.delete(['a/b/c'], { timeoutMs: 5_000 });
    expect(await readdir(path.join(directory, 'blobs'))).toEqual([]);
    await rm(directory, { recursive: true });
  });
});
