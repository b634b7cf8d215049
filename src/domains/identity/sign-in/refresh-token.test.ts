import { describe, expect, test } from 'vitest';
import { hashToken } from '../one-time-link.ts';
import {
  decideRefresh,
  openSuccessor,
  SESSION_IDLE_MS,
  SESSION_LIFE_MS,
  sealSuccessor,
} from './refresh-token.ts';

const START_MS = Date.UTC(2026, 10, 25);
const at = (offsetMs: number) => new Date(START_MS + offsetMs);

function decided(options: {
  nowMs?: number;
  usedMs?: number;
  generation?: number;
  lastUsedMs?: number;
  endedMs?: number;
}) {
  const { nowMs = 0, usedMs, generation = 2, lastUsedMs = 0, endedMs } = options;
  return decideRefresh({
    now: at(nowMs),
    session: {
      generation: 3,
      expiresAt: at(SESSION_LIFE_MS),
      lastUsedAt: at(lastUsedMs),
      endedAt: endedMs === undefined ? null : at(endedMs),
    },
    token: { generation, usedAt: usedMs === undefined ? null : at(usedMs) },
  });
}

describe('what a refresh token may do', () => {
  test.each([
    ['the newest rotates', { generation: 3 }, 'rotate'],
    ['the predecessor is answered again', { nowMs: 9_999, usedMs: 0 }, 'repeat'],
    ['the predecessor after the grace is a replay', { nowMs: 10_000, usedMs: 0 }, 'replay'],
    ['a grandparent within the grace is a replay', { generation: 1, usedMs: 0 }, 'replay'],
    ['an idle session is over', { generation: 3, nowMs: SESSION_IDLE_MS }, 'over'],
    [
      'an old session is over',
      { generation: 3, nowMs: SESSION_LIFE_MS, lastUsedMs: SESSION_LIFE_MS - 1 },
      'over',
    ],
    ['an ended session is over', { generation: 3, endedMs: -1 }, 'over'],
  ] as const)('%s', (_name, state, expected) => {
    expect(decided(state)).toBe(expected);
  });

  test('a successor opens with its predecessor alone', () => {
    const sealed = sealSuccessor('old', 'new', 'sess_1');
    expect(openSuccessor('old', sealed, 'sess_1')).toBe('new');
    expect(() => openSuccessor('other', sealed, 'sess_1')).toThrow();
    expect(() => openSuccessor('old', sealed, 'sess_2')).toThrow();
    expect(sealed).not.toContain(Buffer.from(hashToken('old')).toString('base64url'));
  });
});
