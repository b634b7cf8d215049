import type { SealedColumn } from '../../../lib/sealed-column.ts';
import type { SecretBox } from '../../../lib/secret-box.ts';
import { gatewayError } from '../errors.ts';
import type { GuardrailRow } from './guardrail.ts';

/** Ties a secret to its row: copied into another one, it does not open. */
const placeOf = (guardrailId: string) => `guardrails:${guardrailId}:secret`;
export const SEALED_GUARDRAIL_SECRETS: SealedColumn = {
  table: 'guardrails',
  key: 'id',
  column: 'secret',
  boundTo: placeOf,
};

/** Throws when the installation has no key to seal it with. */
export function sealGuardrailSecret(
  box: SecretBox | undefined,
  guardrailId: string,
  secret: string,
): string {
  if (box === undefined) {
    throw gatewayError('guardrail_secret_unavailable', {
      message: 'No secret can be stored: LLAMP_SECRET_KEY is not set.',
      param: 'secret',
    });
  }
  return box.seal(secret, placeOf(guardrailId));
}

/** Null when there is none; throws a `SecretBoxError` for one that does not open. */
export function openGuardrailSecret(
  box: SecretBox | undefined,
  { id, secret }: Pick<GuardrailRow, 'id' | 'secret'>,
): string | null {
  return secret === null || box === undefined ? null : box.open(secret, placeOf(id));
}
