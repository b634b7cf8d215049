import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EphemeralStore } from '../../src/ports/ephemeral-store.ts';
import { describeReservations } from './ephemeral-store-reservations.ts';

const OPTIONS = { timeoutMs: 2_000 };
const MINUTE = { ...OPTIONS, ttlMs: 60_000 };
const BLINK = { ...OPTIONS, ttlMs: 40 };

export interface EphemeralStoreSubject {
  readonly store: EphemeralStore;
  /** Another process' view of the same store; for the memory adapter the store itself. */
  readonly other: EphemeralStore;
  close(): Promise<void>;
}

/** What every ephemeral store does. */
export function describeEphemeralStore(open: () => Promise<EphemeralStoreSubject>): void {
  let subject: EphemeralStoreSubject;
  let store: EphemeralStore;
  beforeAll(async () => {
    subject = await open();
    store = subject.store;
  });
  afterAll(() => subject?.close());
  const newKey = () => `key:${randomUUID()}`;

  describe('values', () => {
    it('keeps bytes, also those that are no text', async () => {
      const key = newKey();
      const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
      await store.set(key, bytes, MINUTE);
      expect(new Uint8Array((await subject.other.get(key, OPTIONS)) ?? [])).toEqual(bytes);
    });

    it('keeps an empty value apart from none', async () => {
      const key = newKey();
      await store.set(key, new Uint8Array(), MINUTE);
      expect(await store.get(key, OPTIONS)).toHaveLength(0);
      expect(await store.get(newKey(), OPTIONS)).toBeUndefined();
    });

    it('is not changed by what the caller does with the bytes later', async () => {
      const key = newKey();
      const bytes = Buffer.from('before');
      await store.set(key, bytes, MINUTE);
      bytes.fill(0);
      expect(Buffer.from((await store.get(key, OPTIONS)) ?? []).toString()).toBe('before');
    });

    it('replaces, expires and deletes', async () => {
      const [replaced, expired, deleted] = [newKey(), newKey(), newKey()];
      await store.set(replaced, Buffer.from('1'), BLINK);
      await store.set(replaced, Buffer.from('2'), MINUTE);
      await store.set(expired, Buffer.from('x'), BLINK);
      await store.set(deleted, Buffer.from('x'), MINUTE);
      await store.delete(deleted, OPTIONS);
      expect(await store.get(deleted, OPTIONS)).toBeUndefined();
      await vi.waitFor(async () => expect(await store.get(expired, OPTIONS)).toBeUndefined());
      expect(Buffer.from((await store.get(replaced, OPTIONS)) ?? []).toString()).toBe('2');
    });
  });

  describe('counters', () => {
    it('starts at 0 and adds', async () => {
      const key = newKey();
      expect(await store.increment(key, 5, MINUTE)).toBe(5);
      expect(await subject.other.increment(key, -2, MINUTE)).toBe(3);
    });

    it('loses no increment of 200 at once', async () => {
      const key = newKey();
      const calls = Array.from({ length: 200 }, (_, n) =>
        (n % 2 === 0 ? store : subject.other).increment(key, 1, MINUTE),
      );
      const values = await Promise.all(calls);
      expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
    });

    it('lives from its first increment, whatever comes later', async () => {
      const key = newKey();
      await store.increment(key, 10, { ...OPTIONS, ttlMs: 150 });
      await store.increment(key, 10, MINUTE);
      await vi.waitFor(async () => expect(await store.increment(key, 1, MINUTE)).toBeLessThan(10), {
        timeout: 2_000,
        interval: 20,
      });
    });

    it('goes with delete', async () => {
      const key = newKey();
      await store.increment(key, 10, MINUTE);
      await store.delete(key, OPTIONS);
      expect(await store.increment(key, 1, MINUTE)).toBe(1);
    });

    it('is no value, and takes whole numbers only', async () => {
      const key = newKey();
      await store.increment(key, 1, MINUTE);
      expect(await store.get(key, OPTIONS)).toBeUndefined();
      await expect(store.increment(key, 0.5, MINUTE)).rejects.toThrow(RangeError);
    });
  });

  describe('leases', () => {
    it('has one winner among 20 at once', async () => {
      const key = newKey();
      const tries = Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? store : subject.other).acquireLease(key, `owner-${n}`, MINUTE),
      );
      expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    });

    it('is renewed by its owner and freed by nobody else', async () => {
      const key = newKey();
      expect(await store.acquireLease(key, 'a', MINUTE)).toBe(true);
      expect(await store.acquireLease(key, 'a', MINUTE)).toBe(true);
      await subject.other.releaseLease(key, 'b', OPTIONS);
      expect(await subject.other.acquireLease(key, 'b', MINUTE)).toBe(false);
      await store.releaseLease(key, 'a', OPTIONS);
      expect(await subject.other.acquireLease(key, 'b', MINUTE)).toBe(true);
    });

    it('is free again once it expired', async () => {
      const key = newKey();
      expect(await store.acquireLease(key, 'dead', BLINK)).toBe(true);
      await vi.waitFor(async () => {
        expect(await store.acquireLease(key, 'next', MINUTE)).toBe(true);
      });
    });

    it('a renewal prolongs it', async () => {
      const key = newKey();
      await store.acquireLease(key, 'a', BLINK);
      await store.acquireLease(key, 'a', MINUTE);
      const probe = newKey();
      await store.set(probe, Buffer.from('x'), BLINK);
      await vi.waitFor(async () => expect(await store.get(probe, OPTIONS)).toBeUndefined());
      expect(await store.acquireLease(key, 'b', MINUTE)).toBe(false);
    });
  });

  describe('messages', () => {
    it('reach every subscriber of the channel and no other', async () => {
      const channel = newKey();
      const heard: string[] = [];
      const stops = await Promise.all([
        store.subscribe(channel, (message) => heard.push(`one ${message}`)),
        store.subscribe(channel, (message) => heard.push(`two ${message}`)),
        subject.other.subscribe(channel, (message) => heard.push(`three ${message}`)),
        store.subscribe(newKey(), (message) => heard.push(`wrong ${message}`)),
      ]);
      await subject.other.publish(channel, 'hello 你好', OPTIONS);
      await vi.waitFor(() => expect(heard).toHaveLength(3));
      expect(heard.sort()).toEqual(['one hello 你好', 'three hello 你好', 'two hello 你好']);
      await Promise.all(stops.map((stop) => stop()));
    });

    it('stop after unsubscribing, for that subscriber only', async () => {
      const channel = newKey();
      const heard: string[] = [];
      const stopOne = await store.subscribe(channel, () => heard.push('one'));
      await store.subscribe(channel, () => heard.push('two'));
      await stopOne();
      await stopOne();
      await store.publish(channel, 'x', OPTIONS);
      await vi.waitFor(() => expect(heard).toEqual(['two']));
    });

    it('reach the others when one subscriber throws', async () => {
      const channel = newKey();
      const heard: string[] = [];
      await store.subscribe(channel, () => {
        throw new Error('broken subscriber');
      });
      await store.subscribe(channel, (message) => heard.push(message));
      await store.publish(channel, 'still here', OPTIONS);
      await vi.waitFor(() => expect(heard).toEqual(['still here']));
    });
  });

  describe('limits', () => {
    it('refuses keys beyond 128 bytes and empty ones', async () => {
      await expect(store.get('', OPTIONS)).rejects.toThrow(RangeError);
      await expect(store.get('ü'.repeat(65), OPTIONS)).rejects.toThrow(RangeError);
      expect(await store.get('ü'.repeat(64), OPTIONS)).toBeUndefined();
    });

    it('refuses a time to live that is none', async () => {
      const options = { ...OPTIONS, ttlMs: 0 };
      await expect(store.set(newKey(), new Uint8Array(), options)).rejects.toThrow(RangeError);
      await expect(store.increment(newKey(), 1, options)).rejects.toThrow(RangeError);
    });

    it('refuses a call whose signal has aborted', async () => {
      const options = { ...MINUTE, signal: AbortSignal.abort(new Error('gone')) };
      await expect(store.get(newKey(), options)).rejects.toThrow('gone');
      await expect(store.increment(newKey(), 1, options)).rejects.toThrow('gone');
      await expect(store.acquireLease(newKey(), 'a', options)).rejects.toThrow('gone');
    });
  });

  describeReservations(() => subject);

  it('answers a check', async () => {
    await store.check(OPTIONS);
  });
}
