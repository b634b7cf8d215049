import { Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { BlobNotFoundError, type BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Database, DatabaseError } from '../../ports/database.ts';
import type { VectorIndex } from '../../ports/vector-index.ts';
import { createMemoryEphemeralStore } from '../ephemeral-store/memory.ts';
import { limitedBlobStore } from './limited.ts';
import { meteredBlobStore, meteredDatabase, meteredEphemeralStore } from './metered.ts';
import { retryingBlobStore, retryingVectorIndex } from './retrying.ts';
import { StoreBusyError } from './store-busy-error.ts';

const OPTIONS = { timeoutMs: 1_000 };

/** A blob store of which only `size` and `put` matter. */
function blobStore(overrides: Partial<BlobStore>): BlobStore {
  const unused = async () => {
    throw new Error('not used here');
  };
  const base = { put: unused, get: unused, size: unused, delete: unused, list: unused };
  return { ...base, check: unused, close: async () => undefined, ...overrides };
}

/** Sleeps at once and counts how long it would have been. */
function manualClock(): Clock & { sleptMs: number[] } {
  const sleptMs: number[] = [];
  let nowMs = 0;
  return {
    sleptMs,
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    newId: (prefix) => `${prefix}1`,
    sleep: async (delayMs, signal) => {
      signal?.throwIfAborted();
      nowMs += delayMs;
      sleptMs.push(delayMs);
    },
  };
}

describe('metered', () => {
  async function counts(metrics: ReturnType<typeof createMetrics>) {
    const { values } = await metrics.storeDuration.get();
    return values
      .filter((value) => value.metricName?.endsWith('_count'))
      .map(({ labels, value }) => [labels.store, labels.operation, labels.outcome, value].join());
  }

  it('counts calls, failures, and answers that look like failures', async () => {
    const metrics = createMetrics();
    const size = vi
      .fn<BlobStore['size']>()
      .mockResolvedValueOnce(5)
      .mockRejectedValueOnce(new Error('down'))
      .mockRejectedValueOnce(new BlobNotFoundError('a'));
    const store = meteredBlobStore(blobStore({ size }), metrics);
    expect(await store.size('a', OPTIONS)).toBe(5);
    await expect(store.size('a', OPTIONS)).rejects.toThrow('down');
    await expect(store.size('a', OPTIONS)).rejects.toThrow(BlobNotFoundError);
    expect(await counts(metrics)).toEqual(['blob,size,ok,2', 'blob,size,error,1']);
  });

  it('works on adapters with private fields and passes the rest through', async () => {
    const metrics = createMetrics();
    const store = meteredEphemeralStore(createMemoryEphemeralStore({ log: silentLog }), metrics);
    expect(await store.increment('k', 2, { ...OPTIONS, ttlMs: 1_000 })).toBe(2);
    await store.check(OPTIONS);
    await store.close();
    expect(await counts(metrics)).toEqual(['ephemeral,increment,ok,1']);
  });

  it('does not blame the database for what a transaction throws', async () => {
    const metrics = createMetrics();
    const fail = vi
      .fn()
      .mockRejectedValueOnce(new Error('of the domain'))
      .mockRejectedValueOnce(new DatabaseError('lost', { unavailable: true }));
    const plain = { transaction: fail, waiting: 3, capabilities: { concurrentSessions: true } };
    const database = meteredDatabase(plain as unknown as Database, metrics);
    await expect(database.transaction(async () => 1)).rejects.toThrow('of the domain');
    await expect(database.transaction(async () => 1)).rejects.toThrow('lost');
    expect(await counts(metrics)).toEqual([
      'database,transaction,ok,1',
      'database,transaction,error,1',
    ]);
    expect(database.waiting).toBe(3);
    expect(database.capabilities.concurrentSessions).toBe(true);
  });
});

describe('retrying', () => {
  it('repeats with growing delays until it works', async () => {
    const clock = manualClock();
    const size = vi
      .fn<BlobStore['size']>()
      .mockRejectedValueOnce(new Error('one'))
      .mockRejectedValueOnce(new Error('two'))
      .mockResolvedValueOnce(7);
    const store = retryingBlobStore(blobStore({ size }), { clock });
    expect(await store.size('a', OPTIONS)).toBe(7);
    const [first = 0, second = 0] = clock.sleptMs;
    expect(first).toBeGreaterThanOrEqual(50);
    expect(first).toBeLessThanOrEqual(100);
    expect(second).toBeGreaterThanOrEqual(100);
    expect(second).toBeLessThanOrEqual(200);
    expect(size.mock.calls.at(-1)?.[1].timeoutMs).toBeCloseTo(1_000 - first - second);
  });

  it('gives up after its attempts with the last error', async () => {
    const size = vi.fn<BlobStore['size']>().mockRejectedValue(new Error('down'));
    const store = retryingBlobStore(blobStore({ size }), { clock: manualClock(), attemptsMax: 4 });
    await expect(store.size('a', OPTIONS)).rejects.toThrow('down');
    expect(size).toHaveBeenCalledTimes(4);
  });

  it('does not begin a wait that the time of the call does not hold', async () => {
    const size = vi.fn<BlobStore['size']>().mockRejectedValue(new Error('down'));
    const store = retryingBlobStore(blobStore({ size }), { clock: manualClock() });
    await expect(store.size('a', { timeoutMs: 40 })).rejects.toThrow('down');
    expect(size).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['a missing blob', new BlobNotFoundError('a')],
    ['a wrong argument', new RangeError('limit')],
    ['a full queue', new StoreBusyError('blob')],
  ])('does not repeat %s', async (_title, error) => {
    const size = vi.fn<BlobStore['size']>().mockRejectedValue(error);
    const store = retryingBlobStore(blobStore({ size }), { clock: manualClock() });
    await expect(store.size('a', OPTIONS)).rejects.toBe(error);
    expect(size).toHaveBeenCalledTimes(1);
  });

  it('stops when the caller aborts', async () => {
    const abort = new AbortController();
    const size = vi.fn<BlobStore['size']>().mockImplementation(async () => {
      abort.abort();
      throw new Error('down');
    });
    const store = retryingBlobStore(blobStore({ size }), { clock: manualClock() });
    await expect(store.size('a', { ...OPTIONS, signal: abort.signal })).rejects.toThrow('down');
    expect(size).toHaveBeenCalledTimes(1);
  });

  it('repeats a put of bytes and not one of a stream', async () => {
    const put = vi.fn<BlobStore['put']>().mockRejectedValue(new Error('down'));
    const store = retryingBlobStore(blobStore({ put }), { clock: manualClock() });
    await expect(store.put('a', new Uint8Array(1), OPTIONS)).rejects.toThrow('down');
    expect(put).toHaveBeenCalledTimes(3);
    await expect(store.put('a', Readable.from([]), OPTIONS)).rejects.toThrow('down');
    expect(put).toHaveBeenCalledTimes(4);
  });

  it('repeats calls of a vector index', async () => {
    const listIds = vi
      .fn<VectorIndex['listIds']>()
      .mockRejectedValueOnce(new Error('down'))
      .mockResolvedValueOnce(['a']);
    const plain = { listIds } as unknown as VectorIndex;
    const index = retryingVectorIndex(plain, { clock: manualClock() });
    expect(await index.listIds('c', 'g', OPTIONS)).toEqual(['a']);
  });
});

describe('limited', () => {
  function gatedStore(limits: { concurrentMax: number; waitingMax: number }) {
    const gates: ((size: number) => void)[] = [];
    const size = vi.fn<BlobStore['size']>(
      () => new Promise((resolve) => gates.push((value) => resolve(value))),
    );
    const open = async (call: number, value: number) => {
      await vi.waitFor(() => expect(gates.length).toBeGreaterThan(call));
      gates[call]?.(value);
    };
    return { size, open, store: limitedBlobStore(blobStore({ size }), limits) };
  }

  it('runs so many at once, lets some wait in order, and refuses the rest', async () => {
    const { store, size, open } = gatedStore({ concurrentMax: 2, waitingMax: 2 });
    const calls = ['a', 'b', 'c', 'd'].map((key) => store.size(key, OPTIONS));
    await expect(store.size('e', OPTIONS)).rejects.toThrow(StoreBusyError);
    expect(size.mock.calls.map(([key]) => key)).toEqual(['a', 'b']);
    await open(0, 1);
    await vi.waitFor(() => expect(size.mock.calls.map(([key]) => key)).toEqual(['a', 'b', 'c']));
    await open(1, 2);
    await open(2, 3);
    await open(3, 4);
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4]);
  });

  it('frees the place of a call that failed', async () => {
    const size = vi.fn<BlobStore['size']>().mockRejectedValue(new Error('down'));
    const store = limitedBlobStore(blobStore({ size }), { concurrentMax: 1, waitingMax: 0 });
    for (let n = 0; n < 3; n += 1) await expect(store.size('a', OPTIONS)).rejects.toThrow('down');
  });

  it('does not wait beyond the time or the wish of the caller', async () => {
    const { store, size, open } = gatedStore({ concurrentMax: 1, waitingMax: 5 });
    const running = store.size('a', OPTIONS);
    await expect(store.size('b', { timeoutMs: 20 })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const abort = new AbortController();
    const waiting = store.size('c', { ...OPTIONS, signal: abort.signal });
    abort.abort(new Error('changed my mind'));
    await expect(waiting).rejects.toThrow('changed my mind');
    await open(0, 1);
    expect(await running).toBe(1);
    const next = store.size('d', OPTIONS);
    await open(1, 2);
    expect(await next).toBe(2);
    expect(size.mock.calls.map(([key]) => key)).toEqual(['a', 'd']);
  });

  it('counts the waiting as part of the time of the call', async () => {
    const { store, size, open } = gatedStore({ concurrentMax: 1, waitingMax: 1 });
    const running = store.size('a', OPTIONS);
    const waiting = store.size('b', OPTIONS);
    await open(0, 1);
    await running;
    await vi.waitFor(() => expect(size).toHaveBeenCalledTimes(2));
    expect(size.mock.calls[1]?.[1].timeoutMs).toBeLessThan(1_000);
    await open(1, 2);
    await waiting;
  });
});
