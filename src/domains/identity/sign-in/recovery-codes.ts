import { hash, randomBytes } from 'node:crypto';

export const RECOVERY_CODES = 10;
const CODE_BYTES = 10;
const GROUP = /.{5}/g;

/** Ten codes of 80 bits, each in four groups of five hexadecimal digits. */
export function generateRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODES }, () =>
    (randomBytes(CODE_BYTES).toString('hex').match(GROUP) ?? []).join('-'),
  );
}

/**
 * The only form in which a code is stored, the same however it is written; null for a text that is none. A code is as
 * random as a key, so a fast hash is enough.
 */
export function hashRecoveryCode(text: string): Uint8Array | null {
  const digits = text.toLowerCase().replaceAll(/[\s-]/g, '');
  if (!/^[0-9a-f]{20}$/.test(digits)) return null;
  return hash('sha256', `llamp recovery code\0${digits}`, 'buffer');
}
