import { SEALED_AUDIT_KEYS } from './domains/audit/index.ts';
import { SEALED_GUARDRAIL_SECRETS } from './domains/gateway/index.ts';
import { SEALED_SIGNING_KEYS, SEALED_TOTP_SEEDS } from './domains/identity/index.ts';
import { SEALED_CREDENTIALS } from './domains/models/index.ts';

/** Every column of this release that holds sealed secrets. */
export const SEALED_COLUMNS = [
  SEALED_CREDENTIALS,
  SEALED_GUARDRAIL_SECRETS,
  SEALED_SIGNING_KEYS,
  SEALED_TOTP_SEEDS,
  SEALED_AUDIT_KEYS,
];
