import { createHash } from 'node:crypto';
import type { AuditEvent } from './audit-event.ts';
import { canonicalJson } from './canonical-json.ts';

/** What stands before the first event. */
export const CHAIN_START: Uint8Array = new Uint8Array(32);

const LEAF = Uint8Array.of(0);

/** SHA-256(0x00, hash before, canonical JSON of the event). */
export function chainHash(previous: Uint8Array, event: AuditEvent): Uint8Array {
  return createHash('sha256')
    .update(LEAF)
    .update(previous)
    .update(canonicalJson(event), 'utf8')
    .digest();
}

export function isSameHash(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
