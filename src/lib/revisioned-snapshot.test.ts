import { describe, expect, it, vi } from 'vitest';
import { recordingLog } from '../../test/support/recording-log.ts';
import { RevisionedSnapshot } from './revisioned-snapshot.ts';

/** A source whose polls happen when the test says so. */
function createSource() {
  const state = { revision: 1, value: 'one', away: false, loads: 0 };
  let announce: () => void = () => undefined;
  let wake: () => void = () => undefined;
  const { log, lines } = recordingLog();
  const ask = <T>(answer: () => T) => {
    if (state.away) throw new Error('away');
    return answer();
  };
  const unlisten = vi.fn(async () => undefined);
  const snapshot = new RevisionedSnapshot<string>({
    name: 'test-copy',
    initial: 'nothing',
    readRevision: async () => ask(() => state.revision),
    load: async () => {
      state.loads += 1;
      return ask(() => state.value);
    },
    listen: async (onChange) => {
      announce = onChange;
      return unlisten;
    },
    sleep: (_delayMs, signal) =>
      new Promise((resolve, reject) => {
        wake = resolve;
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
    log,
  });
  return { state, snapshot, lines, unlisten, announce: () => announce(), poll: () => wake() };
}

describe('RevisionedSnapshot', () => {
  it('holds what it loaded, and takes a change by announcement', async () => {
    const { state, snapshot, announce } = createSource();
    expect(snapshot.current).toBe('nothing');
    await snapshot.open();
    expect(snapshot.current).toBe('one');
    state.value = 'two';
    announce();
    await vi.waitFor(() => expect(snapshot.current).toBe('two'));
    await snapshot.close();
  });

  it('finds a change by its revision, and loads nothing while there is none', async () => {
    const { state, snapshot, poll } = createSource();
    await snapshot.open();
    poll();
    Object.assign(state, { value: 'two', revision: 2 });
    await vi.waitFor(() => {
      poll();
      expect(snapshot.current).toBe('two');
    });
    expect(state.loads).toBe(2);
    await snapshot.close();
  });

  it('loads again when a change came during a load', async () => {
    const { state, snapshot } = createSource();
    await snapshot.open();
    state.value = 'two';
    const first = snapshot.refresh();
    const second = snapshot.refresh();
    await Promise.all([first, second]);
    expect(state.loads).toBe(3);
    expect(snapshot.current).toBe('two');
    await snapshot.close();
  });

  it('keeps the last copy while the source is away, and says so once', async () => {
    const { state, snapshot, lines, announce, poll } = createSource();
    await snapshot.open();
    Object.assign(state, { away: true, value: 'two', revision: 2 });
    announce();
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    announce();
    poll();
    state.away = false;
    await vi.waitFor(() => {
      poll();
      expect(snapshot.current).toBe('two');
    });
    expect(lines.map((line) => line.level)).toEqual(['warn', 'info']);
    await snapshot.close();
  });

  it('does not open without a source, and stops listening when closed', async () => {
    const { state, snapshot, unlisten } = createSource();
    state.away = true;
    await expect(snapshot.open()).rejects.toThrow('away');
    await snapshot.close();
    expect(unlisten).toHaveBeenCalledOnce();
  });
});
