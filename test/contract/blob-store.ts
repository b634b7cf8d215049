import { randomBytes, randomUUID } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobNotFoundError, type BlobStore } from '../../src/ports/blob-store.ts';

const OPTIONS = { timeoutMs: 20_000 };

export interface BlobStoreSubject {
  readonly store: BlobStore;
  /** What a failed put may have left: temporary files, unfinished uploads. */
  leftovers(key: string): Promise<number>;
  close(): Promise<void>;
}

/** What every blob store does. `open` gives an empty one. */
export function describeBlobStore(open: () => Promise<BlobStoreSubject>): void {
  let subject: BlobStoreSubject;
  let store: BlobStore;
  beforeAll(async () => {
    subject = await open();
    store = subject.store;
  });
  afterAll(() => subject?.close());

  const readAll = async (key: string, range?: { start: number; end?: number }) =>
    buffer(await store.get(key, { ...OPTIONS, range }));
  const newKey = (suffix = 'blob') => `test/${randomUUID()}/${suffix}`;

  describe('put and get', () => {
    it('gives back the bytes it took', async () => {
      const key = newKey();
      const bytes = randomBytes(70_000);
      expect(await store.put(key, bytes, OPTIONS)).toEqual({ sizeBytes: 70_000 });
      expect(await readAll(key)).toEqual(bytes);
      expect(await store.size(key, OPTIONS)).toBe(70_000);
    });

    it('keeps an empty blob', async () => {
      const key = newKey();
      expect(await store.put(key, new Uint8Array(), OPTIONS)).toEqual({ sizeBytes: 0 });
      expect(await readAll(key)).toHaveLength(0);
      expect(await store.size(key, OPTIONS)).toBe(0);
    });

    it('keeps an empty stream', async () => {
      const key = newKey();
      expect(await store.put(key, Readable.from([]), OPTIONS)).toEqual({ sizeBytes: 0 });
      expect(await readAll(key)).toHaveLength(0);
    });

    it.each([1, 8 * 1024 * 1024, 20 * 1024 * 1024 + 7])(
      'takes a stream of %d bytes',
      async (size) => {
        const key = newKey();
        const bytes = randomBytes(size);
        const source = Readable.from(chunksOf(bytes, 300_001));
        expect(await store.put(key, source, OPTIONS)).toEqual({ sizeBytes: size });
        expect(Buffer.compare(await readAll(key), bytes)).toBe(0);
      },
    );

    it('replaces what was there', async () => {
      const key = newKey();
      await store.put(key, Buffer.from('a longer old value'), OPTIONS);
      await store.put(key, Buffer.from('new'), OPTIONS);
      expect((await readAll(key)).toString()).toBe('new');
    });

    it('says what is not there before the first byte', async () => {
      const key = newKey();
      await expect(store.get(key, OPTIONS)).rejects.toThrow(BlobNotFoundError);
      expect(await store.size(key, OPTIONS)).toBeUndefined();
    });

    it.each([
      '',
      'UPPER',
      'a//b',
      '/a',
      'a/',
      '../a',
      'a/./b',
      'ä',
      'a b',
      `a/${'x'.repeat(201)}`,
      'x/'.repeat(257),
    ])('refuses the key %j', async (key) => {
      await expect(store.put(key, Buffer.from('x'), OPTIONS)).rejects.toThrow(RangeError);
      await expect(store.get(key, OPTIONS)).rejects.toThrow(RangeError);
    });
  });

  describe('ranges', () => {
    it('gives the inclusive range', async () => {
      const key = newKey();
      await store.put(key, Buffer.from('0123456789'), OPTIONS);
      expect((await readAll(key, { start: 2, end: 4 })).toString()).toBe('234');
      expect((await readAll(key, { start: 7 })).toString()).toBe('789');
      expect((await readAll(key, { start: 8, end: 100 })).toString()).toBe('89');
    });

    it('refuses a range beyond the end', async () => {
      const key = newKey();
      await store.put(key, Buffer.from('0123'), OPTIONS);
      const range = { start: 4, end: 9 };
      await expect(store.get(key, { ...OPTIONS, range })).rejects.toThrow(RangeError);
    });
  });

  describe('delete', () => {
    it('deletes many and does not mind missing ones', async () => {
      const keys = Array.from({ length: 5 }, () => newKey());
      await Promise.all(keys.map((key) => store.put(key, Buffer.from('x'), OPTIONS)));
      await store.delete([...keys, newKey()], OPTIONS);
      for (const key of keys) expect(await store.size(key, OPTIONS)).toBeUndefined();
    });

    it('takes more keys than one request holds', async () => {
      const missing = Array.from({ length: 2_100 }, (_, n) => `test/none/${n}`);
      const key = newKey();
      await store.put(key, Buffer.from('x'), OPTIONS);
      await store.delete([...missing, key], OPTIONS);
      expect(await store.size(key, OPTIONS)).toBeUndefined();
    });
  });

  describe('list', () => {
    it('pages through a prefix in the order of code points', async () => {
      const root = `test/${randomUUID()}`;
      const names = ['a-b', 'a.b', 'a/1', 'a/2/x', 'a0', 'a_b', 'ab/c', 'b/a', 'b.a/1', 'c'];
      const keys = names.map((name) => `${root}/${name}`).sort(byCodePoint);
      await Promise.all(keys.map((key) => store.put(key, Buffer.from('xy'), OPTIONS)));
      expect((await listAll(`${root}/`, 3)).map((blob) => blob.key)).toEqual(keys);
      expect((await listAll(`${root}/a/`, 1000)).map((blob) => blob.sizeBytes)).toEqual([2, 2]);
    });

    it('starts a prefix in the middle of a segment', async () => {
      const root = `test/${randomUUID()}`;
      const keys = [`${root}/pre-1`, `${root}/pre/2`, `${root}/pr`];
      await Promise.all(keys.map((key) => store.put(key, Buffer.from('x'), OPTIONS)));
      const found = await listAll(`${root}/pre`, 10);
      expect(found.map((blob) => blob.key)).toEqual([`${root}/pre-1`, `${root}/pre/2`]);
    });

    it('is empty where nothing is', async () => {
      const page = await store.list('test/nothing-here', { ...OPTIONS, limit: 10 });
      expect(page).toEqual({ blobs: [], hasMore: false });
    });

    it.each([0, 1001, 1.5])('refuses the limit %d', async (limit) => {
      await expect(store.list('', { ...OPTIONS, limit })).rejects.toThrow(RangeError);
    });

    async function listAll(prefix: string, limit: number) {
      const all: { key: string; sizeBytes: number }[] = [];
      for (;;) {
        const after = all.at(-1)?.key;
        const page = await store.list(prefix, { ...OPTIONS, limit, after });
        expect(page.blobs.length).toBeLessThanOrEqual(limit);
        all.push(...page.blobs);
        if (!page.hasMore) return all;
      }
    }
  });

  describe('concurrency', () => {
    it('never shows a part: readers see one whole value of many writers', async () => {
      const key = newKey();
      const values = Array.from({ length: 8 }, (_, n) => Buffer.alloc(200_000, n));
      await store.put(key, values[0] ?? Buffer.alloc(0), OPTIONS);
      const writes = values.map((value) => store.put(key, Readable.from([value]), OPTIONS));
      const reads = Array.from({ length: 16 }, () => readAll(key));
      for (const bytes of await Promise.all(reads)) {
        expect(bytes).toHaveLength(200_000);
        expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
      }
      await Promise.all(writes);
    });

    it('puts and deletes in one folder at the same time', async () => {
      const folder = `test/${randomUUID()}`;
      const work = Array.from({ length: 60 }, async (_, n) => {
        await store.put(`${folder}/${n}`, Buffer.from('x'), OPTIONS);
        await store.delete([`${folder}/${n}`], OPTIONS);
      });
      await Promise.all(work);
      const page = await store.list(folder, { ...OPTIONS, limit: 10 });
      expect(page.blobs).toEqual([]);
    });
  });

  describe('aborts and time', () => {
    it('keeps the old value when a put is aborted, and leaves nothing behind', async () => {
      const key = newKey();
      await store.put(key, Buffer.from('old'), OPTIONS);
      const abort = new AbortController();
      const source = new PassThrough();
      source.write(randomBytes(12 * 1024 * 1024), () => abort.abort(new Error('changed my mind')));
      const put = store.put(key, source, { ...OPTIONS, signal: abort.signal });
      await expect(put).rejects.toThrow('changed my mind');
      expect((await readAll(key)).toString()).toBe('old');
      expect(await subject.leftovers(key)).toBe(0);
    });

    it('keeps the old value when the source fails, and leaves nothing behind', async () => {
      const key = newKey();
      await store.put(key, Buffer.from('old'), OPTIONS);
      const source = Readable.from(failingAfter(randomBytes(12 * 1024 * 1024)));
      await expect(store.put(key, source, OPTIONS)).rejects.toThrow('the source broke');
      expect((await readAll(key)).toString()).toBe('old');
      expect(await subject.leftovers(key)).toBe(0);
    });

    it('gives up a put whose source stands still', async () => {
      const key = newKey();
      const put = store.put(key, new PassThrough(), { timeoutMs: 100 });
      await expect(put).rejects.toMatchObject({ name: 'TimeoutError' });
      expect(await store.size(key, OPTIONS)).toBeUndefined();
      expect(await subject.leftovers(key)).toBe(0);
    });

    it('refuses every call whose signal has aborted', async () => {
      const options = { ...OPTIONS, signal: AbortSignal.abort(new Error('gone')) };
      await expect(store.put(newKey(), Buffer.from('x'), options)).rejects.toThrow('gone');
      await expect(store.get(newKey(), options)).rejects.toThrow('gone');
      await expect(store.size(newKey(), options)).rejects.toThrow('gone');
      await expect(store.delete([newKey()], options)).rejects.toThrow('gone');
      await expect(store.list('', { ...options, limit: 1 })).rejects.toThrow('gone');
      await expect(store.check(options)).rejects.toThrow('gone');
    });

    it('ends a read under way when its signal aborts', async () => {
      const key = newKey();
      await store.put(key, randomBytes(4 * 1024 * 1024), OPTIONS);
      const abort = new AbortController();
      const stream = await store.get(key, { ...OPTIONS, signal: abort.signal });
      abort.abort();
      await expect(buffer(stream)).rejects.toMatchObject({ name: 'AbortError' });
    });

    it('counts the time of a get only until its first byte', async () => {
      const key = newKey();
      await store.put(key, randomBytes(4 * 1024 * 1024), OPTIONS);
      const stream = await store.get(key, { timeoutMs: 1_000 });
      const late = AbortSignal.timeout(1_100);
      await new Promise((resolve) => late.addEventListener('abort', resolve));
      expect(await buffer(stream)).toHaveLength(4 * 1024 * 1024);
    });
  });

  it('answers a check', async () => {
    await store.check(OPTIONS);
  });
}

function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += size) {
    yield bytes.subarray(start, start + size);
  }
}

async function* failingAfter(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* chunksOf(bytes, 1024 * 1024);
  throw new Error('the source broke');
}

function byCodePoint(left: string, right: string): number {
  return left < right ? -1 : 1;
}
