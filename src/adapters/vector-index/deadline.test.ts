import { expect, it, vi } from 'vitest';
import { withDeadline } from './deadline.ts';

const never = () => new Promise<never>(() => undefined);

it('passes results and errors on', async () => {
  expect(await withDeadline(Promise.resolve(1), { timeoutMs: 1000 }, 'count')).toBe(1);
  const failing = Promise.reject(new Error('no'));
  await expect(withDeadline(failing, { timeoutMs: 1000 }, 'count')).rejects.toThrow('no');
});

it('gives up after the time and says so to the work', async () => {
  const abandon = vi.fn();
  const call = withDeadline(never(), { timeoutMs: 5 }, 'count', abandon);
  await expect(call).rejects.toMatchObject({ code: 'timeout' });
  expect(abandon).toHaveBeenCalledOnce();
});

it('rejects with the reason of the signal, and forgets the signal', async () => {
  const { signal, abort } = controller();
  const call = withDeadline(never(), { timeoutMs: 1000, signal }, 'count');
  abort();
  await expect(call).rejects.toThrow('gone');
  const gone = AbortSignal.abort(new Error('gone before'));
  await expect(withDeadline(never(), { timeoutMs: 1000, signal: gone }, 'count')).rejects.toThrow(
    'gone before',
  );
});

it('leaves no rejection behind when the work fails after all', async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  await expect(withDeadline(promise, { timeoutMs: 1 }, 'count')).rejects.toThrow('longer');
  reject(new Error('too late'));
});

function controller() {
  const abortController = new AbortController();
  return {
    signal: abortController.signal,
    abort: () => abortController.abort(new Error('gone')),
  };
}
