import { hash, randomBytes } from 'node:crypto';

const TOKEN_BYTES = 32;

export function generateToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** The only form in which a token is stored. */
export function hashToken(token: string): Uint8Array {
  return hash('sha256', token, 'buffer');
}
