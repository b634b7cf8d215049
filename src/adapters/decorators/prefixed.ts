import type { BlobStore } from '../../ports/blob-store.ts';

/** The part of a store whose keys begin with `prefix`, as a store of its own. */
export function prefixedBlobStore(store: BlobStore, prefix: string): BlobStore {
  const within = (key: string) => `${prefix}${key}`;
  return {
    put: (key, source, options) => store.put(within(key), source, options),
    get: (key, options) => store.get(within(key), options),
    size: (key, options) => store.size(within(key), options),
    delete: (keys, options) => store.delete(keys.map(within), options),
    list: async (start, options) => {
      const after = options.after === undefined ? undefined : within(options.after);
      const { blobs, hasMore } = await store.list(within(start), { ...options, after });
      const own = blobs.map((blob) => ({ ...blob, key: blob.key.slice(prefix.length) }));
      return { blobs: own, hasMore };
    },
    check: (options) => store.check(options),
    close: () => store.close(),
  };
}
