import type { SealedColumn } from '../../../lib/sealed-column.ts';
import { type SecretBox, SecretBoxError } from '../../../lib/secret-box.ts';
import { secretKeyMissing } from '../errors.ts';
import type { CredentialBody } from '../schemas.ts';

/** Ties a credential to its row: copied into another one, it does not open. */
const placeOf = (providerId: string) => `providers:${providerId}:credential`;
export const SEALED_CREDENTIALS: SealedColumn = {
  table: 'providers',
  key: 'id',
  column: 'credential',
  boundTo: placeOf,
};
/** Where the nonce of an envelope stands: another one for each time that something is sealed. */
const NONCE_PART = 3;

export function sealCredential(
  box: SecretBox | undefined,
  providerId: string,
  credential: CredentialBody,
): string {
  if (box === undefined) throw secretKeyMissing();
  return box.seal(JSON.stringify(credential), placeOf(providerId));
}

export type OpenedCredential =
  | { readonly credential: CredentialBody | null }
  /** Why it cannot be used, for people. */
  | { readonly fault: string };

export function openCredential(
  box: SecretBox | undefined,
  provider: { readonly id: string; readonly name: string; readonly credential: string | null },
): OpenedCredential {
  const { id, name, credential: envelope } = provider;
  if (envelope === null) return { credential: null };
  const fault = (reason: string) => ({
    fault: `the credential of the provider '${name}' cannot be opened: ${reason}`,
  });
  if (box === undefined) return fault('LLAMP_SECRET_KEY is not set');
  try {
    return { credential: JSON.parse(box.open(envelope, placeOf(id))) as CredentialBody };
  } catch (error) {
    if (!(error instanceof SecretBoxError)) throw error;
    const isOther = error.code === 'wrong_key';
    return fault(isOther ? `LLAMP_SECRET_KEY is another key; ${error.message}` : error.message);
  }
}

/** Another id for each credential, and the same on every instance. */
export function credentialIdOf(provider: { id: string; credential: string | null }): string {
  const nonce = provider.credential?.split('.')[NONCE_PART];
  return nonce === undefined ? provider.id : `${provider.id}.${nonce}`;
}
