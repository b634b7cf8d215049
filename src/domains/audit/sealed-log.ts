import type { AuditEvent } from './audit-event.ts';

/** A seal with the event that it names. */
export interface SealedEvent {
  readonly seq: number;
  readonly hash: Uint8Array;
  /** Null: it is gone. */
  readonly event: AuditEvent | null;
}

/** The log as the verifier sees it: in SQL, or in memory. */
export interface SealedLog {
  /** Seals after `seq`, ascending, at most `limit`. */
  read(afterSeq: number, limit: number): Promise<readonly SealedEvent[]>;
  /** Where a hash stands in the chain. */
  seqOfHash(hash: Uint8Array): Promise<number | undefined>;
  /** An event without a seal that stands before sealed ones, and the number that it would have. */
  unsealedAmongSealed(): Promise<{ id: string; seq: number } | undefined>;
}

export const TAMPER_KINDS = ['edited', 'deleted', 'inserted', 'reordered', 'truncated'] as const;
export type TamperKind = (typeof TAMPER_KINDS)[number];

export interface Finding {
  readonly kind: TamperKind;
  /** The first number in the chain that is not as it was. */
  readonly seq: number;
  readonly detail: string;
}
