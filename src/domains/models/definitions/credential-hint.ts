import type { CredentialBody } from '../schemas.ts';

const LENGTH_MIN = 16;
const SHOWN = 4;

/** The end of a credential, by which people tell it from others; null when it is too short to show any of it. */
export function credentialHint(credential: CredentialBody | null): string | null {
  const text = credential?.api_key ?? credential?.access_key_id;
  return text !== undefined && text.length >= LENGTH_MIN ? text.slice(-SHOWN) : null;
}
