import { hash } from 'node:crypto';
import { createSecretBox } from '../../../lib/secret-box.ts';

export const REFRESH_GRACE_MS = 10_000;
export const SESSION_LIFE_MS = 30 * 86_400_000;
export const SESSION_IDLE_MS = 7 * 86_400_000;

export interface RefreshState {
  readonly now: Date;
  readonly session: {
    readonly generation: number;
    readonly expiresAt: Date;
    readonly lastUsedAt: Date;
    readonly endedAt: Date | null;
  };
  readonly token: { readonly generation: number; readonly usedAt: Date | null };
}

export type RefreshDecision = 'rotate' | 'repeat' | 'replay' | 'over';

/** What a presented refresh token may do: only the newest rotates, only its direct predecessor is answered again. */
export function decideRefresh({ now, session, token }: RefreshState): RefreshDecision {
  const nowMs = now.getTime();
  if (session.endedAt !== null || session.expiresAt.getTime() <= nowMs) return 'over';
  if (session.lastUsedAt.getTime() + SESSION_IDLE_MS <= nowMs) return 'over';
  if (token.usedAt === null) return 'rotate';
  const isPredecessor = token.generation === session.generation - 1;
  const isInGrace = nowMs < token.usedAt.getTime() + REFRESH_GRACE_MS;
  return isPredecessor && isInGrace ? 'repeat' : 'replay';
}

/** Sealed under the token itself: neither the database alone nor an older token opens it. */
export function sealSuccessor(token: string, successor: string, sessionId: string): string {
  return createSecretBox(successorKey(token)).seal(successor, sessionId);
}

export function openSuccessor(token: string, sealed: string, sessionId: string): string {
  return createSecretBox(successorKey(token)).open(sealed, sessionId);
}

// Another hash than the stored one, which must not open anything.
const successorKey = (token: string) => hash('sha256', `llamp successor\0${token}`, 'buffer');
